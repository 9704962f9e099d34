"""Whose code asked for something: the submission, the course, or a library on behalf of one.

The nearest line of the submission or the course decides. What lies between, be it torch, Triton or
the grader, serves whoever called it: Triton calls what it is given, such as hooks and heuristics,
and need not leave a line of the submission nearer than its own. An operation that autograd's engine
runs was asked for by whoever started the engine, in whichever thread; if that is the course, by
whoever built the graph, which is the submission. What belongs to nobody known is the submission's:
code that it made up, or read from elsewhere.
"""

from __future__ import annotations

import os
import sys
import sysconfig
import threading
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import numpy
import torch
import triton

_GRADER = str(Path(__file__).parents[1]) + os.sep
_NOTES = (__file__, *(str(Path(__file__).with_name(f"{name}.py")) for name in ("audit", "starts")))
_TRITON = str(Path(triton.__path__[0])) + os.sep
_LIBRARIES = tuple(str(Path(each.__path__[0])) + os.sep for each in (torch, numpy))
_PYTHON = sysconfig.get_path("stdlib") + os.sep
_INSTALLED = tuple({sysconfig.get_path(name) + os.sep for name in ("purelib", "platlib")})

# Where a thread waits while autograd's engine works for it.
_ENGINE = "_engine_run_backward"


@dataclass(frozen=True)
class Files:
    """Whose code lies in which file.

    Attributes:
        submission: Path of the student's file.
        course: Paths of the course's files that run beside it.
    """

    submission: str
    course: frozenset[str] = frozenset()

    @staticmethod
    def of(module: Any, course: Collection[str | None] = ()) -> Files:
        """Those of a call.

        Args:
            module: The submission, as it was imported.
            course: Paths of the course's files; ``None`` is left out.
        """
        named = frozenset(path for path in course if path is not None)
        return Files(str(getattr(module, "__file__", "")), named)


@dataclass(frozen=True)
class Caller:
    """Who asked.

    Attributes:
        is_submission: Whether the submission did; else the course or the worker.
        line: The line of the submission, where it is known.
        by_engine: Autograd's engine did, for the course, in a graph of the submission's.
    """

    is_submission: bool
    line: int | None = None
    by_engine: bool = False


def caller_of(files: Files) -> Caller:
    """Who asked for what this thread is doing."""
    found = caller_from(sys._getframe(1), files)
    if found is not None:
        return found
    for frame in _waiting_for_engine():
        found = caller_from(frame, files)
        if found is not None:
            return found
    return Caller(True)


def caller_from(frame: FrameType | None, files: Files) -> Caller | None:
    """Who asked, seen from a frame outwards; ``None`` if there are only libraries."""
    is_grader = in_engine = False
    while frame is not None:
        file = frame.f_code.co_filename
        in_engine = in_engine or _waits_for_engine(frame)
        if file in files.course and file != files.submission:
            return _course(in_engine)
        if file == files.submission or not (_is_between(file) or _is_tool(file)):
            return Caller(True, _line_in(frame, files.submission))
        is_grader = is_grader or _is_tool(file)
        frame = frame.f_back
    return _course(in_engine) if is_grader else None


def _course(in_engine: bool) -> Caller:
    """The course, or the engine that it has started, whose callbacks belong to no node."""
    in_engine = in_engine or torch._C._current_autograd_node() is not None
    return Caller(in_engine, by_engine=in_engine)


def _waits_for_engine(frame: FrameType) -> bool:
    return frame.f_code.co_name == _ENGINE and is_library(frame.f_code.co_filename)


def is_served_by_grader(frame: FrameType | None, files: Files) -> bool:
    """Whether the nearest line outside of torch and Python is Triton's or the grader's own."""
    while frame is not None and _is_between(frame.f_code.co_filename):
        frame = frame.f_back
    file = frame.f_code.co_filename if frame is not None else ""
    return file != files.submission and _is_tool(file)


def is_library(file: str) -> bool:
    """Whether a file is torch's, Triton's or numpy's."""
    return file.startswith((*_LIBRARIES, _TRITON))


def is_python(file: str) -> bool:
    """Whether a file is of Python's own library, which runs what others hand to it."""
    return file.startswith("<frozen ") or (
        file.startswith(_PYTHON) and not file.startswith(_INSTALLED)
    )


def is_ours(file: str) -> bool:
    """Whether a file is the grader's."""
    return file.startswith(_GRADER)


def _line_in(frame: FrameType | None, submission: str) -> int | None:
    while frame is not None and frame.f_code.co_filename != submission:
        frame = frame.f_back
    return frame.f_lineno if frame is not None else None


def _is_tool(file: str) -> bool:
    """Whether a file is Triton's, or the grader's but not of those that take the notes."""
    return file not in _NOTES and file.startswith((_GRADER, _TRITON))


def _is_between(file: str) -> bool:
    return file in _NOTES or file.startswith(_LIBRARIES) or is_python(file)


def _waiting_for_engine() -> Iterator[FrameType]:
    """The frames in which other threads wait for autograd's engine, if this thread is its own."""
    if torch._C._current_autograd_node() is None:
        return
    for thread, innermost in sys._current_frames().items():
        frame: FrameType | None = innermost
        while frame is not None and thread != threading.get_ident():
            if _waits_for_engine(frame):
                yield frame
                break
            frame = frame.f_back
