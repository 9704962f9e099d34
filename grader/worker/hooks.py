"""Whether anything runs in the worker that a submission left there, when none of it should.

``integrity`` sees what was replaced; this sees the hooks, signal handlers and timers by which
Python calls code between the lines of other code. Runs beside student code, so it proves nothing;
an honest submission never comes near it.
"""

from __future__ import annotations

import signal
import sys
import threading

from grader.worker.integrity import tampered

_TIMERS = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)


class WorkerChanged(Exception):
    """Something of the worker is not what it was; the message names it."""


class Hooks:
    """The hooks at one moment, before the submission is loaded."""

    def __init__(self) -> None:
        self._before = _hooks()

    def require_unchanged(self) -> None:
        """Compare with the present, the worker's own code included.

        Raises:
            WorkerChanged: Something is another.
        """
        changed = [name for name, hook in _hooks().items() if hook != self._before[name]]
        for name in (*tampered(), *changed):
            raise WorkerChanged(name)


def _hooks() -> dict[str, object]:
    named = [one for one in signal.valid_signals() if isinstance(one, signal.Signals)]
    return {
        **{f"the handler of {one.name}": signal.getsignal(one) for one in named},
        "sys.settrace": sys.gettrace(),
        "sys.setprofile": sys.getprofile(),
        "threading.settrace": threading.gettrace(),
        "threading.setprofile": threading.getprofile(),
        "signal.setitimer": any(signal.getitimer(timer)[0] for timer in _TIMERS),
    }
