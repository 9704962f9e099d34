"""Stands between the judge and one worker: run by path under ``python -I -S``.

Starts the worker, and ends all that descends from it: when the worker ends, when the judge
ends, however that happens, and at SIGTERM. Then it ends as the worker did, by the same exit code
or signal. It watches the judge's process, not the thread that started it.
"""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from types import ModuleType
from typing import Any, NoReturn

SIGNAL_BASE = 128  # by convention, what a program adds to a signal that its child died of


def _make_importable(folder: str) -> None:
    """Let modules of ``grader.sandbox`` be imported without what the packages import."""
    for name, path in (("grader", os.path.dirname(folder)), ("grader.sandbox", folder)):
        package = ModuleType(name)
        package.__path__ = [path]
        sys.modules[name] = package


def main(plan: Mapping[str, Any]) -> NoReturn:
    """Start the worker and watch it.

    Args:
        plan: ``how`` it is confined, the ``command``, descriptors to ``keep`` for it, and the
            ``judge``'s pidfd; for namespaces see ``confine.start``.
    """
    from grader.sandbox import confine, kernel

    events = _Events()
    os.set_inheritable(plan["judge"], False)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    kernel.adopt_orphans()
    status = -1
    try:
        if plan["how"] == "namespaces":
            child, status = confine.start(plan)
        else:
            if plan["how"] == "user-namespaces":
                confine.leave_network()
            child = _start(plan)
    except OSError as error:
        confine.fail(error)
    kernel.forbid_tracing()
    for descriptor in plan["keep"]:
        os.close(descriptor)  # the judge must see when the worker closes them
    code = _watch(events, child, plan["judge"])
    _end_descendants()
    if status >= 0:
        told = os.read(status, 4)
        code = os.waitstatus_to_exitcode(int.from_bytes(told, "big")) if told else code
    elif plan["how"] == "bubblewrap" and code > SIGNAL_BASE:
        code = SIGNAL_BASE - code
    _leave(code)


class _Events:
    """Wakes a poll when a child ends or SIGTERM comes."""

    def __init__(self) -> None:
        self.terminated = False
        self.descriptor, writer = os.pipe()
        os.set_blocking(self.descriptor, False)
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.signal(signal.SIGTERM, self._terminate)

    def _terminate(self, number: int, frame: object) -> None:
        self.terminated = True

    def clear(self) -> None:
        with suppress(BlockingIOError):
            while os.read(self.descriptor, 64):
                pass


def _start(plan: Mapping[str, Any]) -> int:
    """Start a command as it is; returns its process id."""
    from grader.sandbox import confine, kernel

    supervisor, pid = os.getpid(), os.fork()
    if pid:
        return pid
    try:
        confine.reset_signals()
        kernel.die_with_parent()
        if os.getppid() != supervisor:
            os._exit(confine.FAILED)
        if plan["how"] != "bubblewrap":  # which may be installed set-user-id
            kernel.forbid_new_privileges()
        os.chdir(plan["directory"])
        confine.keep_only(plan["keep"])
        os.execv(plan["command"][0], plan["command"])
    except BaseException as error:
        confine.fail(error)


def _watch(events: _Events, child: int, judge: int) -> int:
    """Wait for the end of the child, of the judge, or for SIGTERM; returns an exit code."""
    poll = select.poll()
    poll.register(events.descriptor, select.POLLIN)
    poll.register(judge, select.POLLIN)
    while True:
        ready = [descriptor for descriptor, _ in poll.poll()]
        events.clear()
        if events.terminated or judge in ready:
            return SIGNAL_BASE + signal.SIGTERM
        for pid, status in _ended():
            if pid == child:
                return os.waitstatus_to_exitcode(status)


def _ended() -> Iterator[tuple[int, int]]:
    with suppress(ChildProcessError):
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            yield found


def _end_descendants() -> None:
    """Kill children until there are none; theirs become ours when they end."""
    from grader.sandbox.processes import children

    with suppress(ChildProcessError):
        while True:
            for pid in children(os.getpid()):
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            os.wait()


def _leave(code: int) -> NoReturn:
    """End by an exit code, or by a signal if it is negative."""
    if code < 0:
        with suppress(OSError):  # of SIGKILL
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(abs(code))


if __name__ == "__main__":
    _make_importable(os.path.dirname(os.path.abspath(__file__)))
    main(json.loads(sys.argv[1]))
