"""Work outside the thread of a call: threads and processes that the submission starts.

Nothing that watches a call follows work into another thread, and what ends after the call can
still write to its result. No kernel needs either.
"""

from __future__ import annotations

import _thread
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from grader.worker import launchers
from grader.worker.callers import Caller, Files, caller_from, is_library, is_ours, is_python

# Events of sys.addaudithook; those of threads came with Python 3.12.
_EVENTS = {
    "_thread.start_new_thread": "thread",
    "_thread.start_joinable_thread": "thread",
    "os.fork": "process",
    "os.forkpty": "process",
    "os.posix_spawn": "process",
    "os.system": "process",
    "subprocess.Popen": "process",
}

_told: Callable[[str], None] | None = None


def _on_event(event: str, arguments: tuple[Any, ...]) -> None:
    if _told is not None and event in _EVENTS:
        _told(_EVENTS[event])


# A hook cannot be taken out again, so what student code does later is seen.
sys.addaudithook(_on_event)

_OURS = frozenset(sys._current_frames())

_start_new_thread = _thread.start_new_thread


def _starting(*args: Any, **kwargs: Any) -> int:
    """Stands in for what starts a thread, where that is no event."""
    _on_event("_thread.start_new_thread", args)
    return _start_new_thread(*args, **kwargs)


if sys.version_info < (3, 12):
    # The places that Python's own library and student code call it by.
    for _module, _name in (
        (_thread, "start_new_thread"),
        (_thread, "start_new"),
        (threading, "_start_new_thread"),
    ):
        setattr(_module, _name, _starting)


@contextmanager
def watched_starts(files: Files, tell: Callable[[str, Caller], None]) -> Iterator[None]:
    """Tell of each thread and process that the submission has, or starts inside.

    Args:
        files: Whose code lies in which file.
        tell: Gets ``"thread"`` or ``"process"``, and who started it.
    """
    global _told

    def noticed(what: str) -> None:
        frame: FrameType | None = sys._getframe(2)
        while frame is not None and is_python(frame.f_code.co_filename):
            frame = frame.f_back
        if frame is None or not _needs_helpers(frame.f_code.co_filename):
            caller = caller_from(frame, files) or Caller(True)
            if caller.is_submission:
                tell(what, caller)

    for caller in _alive(files):
        tell("thread", caller)
    _told = noticed
    try:
        yield
    finally:
        _told = None


def _needs_helpers(file: str) -> bool:
    """Triton calls its assembler, as do our launchers a compiler; torch has threads of its own."""
    return is_library(file) or file == launchers.__file__


def _alive(files: Files) -> Iterator[Caller]:
    """Threads that are neither the worker's nor a library's."""
    for thread, innermost in sys._current_frames().items():
        if thread == threading.get_ident() or thread in _OURS:
            continue
        frame: FrameType | None = innermost
        line, known = None, False
        while frame is not None:
            file = frame.f_code.co_filename
            known = known or is_library(file) or is_ours(file)
            line = frame.f_lineno if line is None and file == files.submission else line
            frame = frame.f_back
        if line is not None or not known:
            yield Caller(True, line)
