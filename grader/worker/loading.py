"""Imports the submission, and turns an exception into what a student needs: line and reason."""

from __future__ import annotations

import importlib.util
import linecache
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

from grader import scenarios
from grader.course_files import load_module
from grader.protocol.frames import Message, field, optional
from grader.worker.integrity import remember

# Messages and names of types may be as long as student code likes; a frame may not.
LONGEST_MESSAGE = 4000
LONGEST_NAME = 200
LARGEST_LINE = 10_000_000


class SubmissionRaised(Exception):
    """Student code raised; the cause says what. Anything else that fails is our own fault."""


class Shortage(Exception):
    """This machine has too little memory to lay out the inputs."""


@contextmanager
def submission_code() -> Iterator[None]:
    """Around every entry into student code, so that its exceptions are told from ours.

    Raises:
        SubmissionRaised: For whatever is raised inside, ``SystemExit`` and
            ``KeyboardInterrupt`` included.
    """
    try:
        yield
    except BaseException as error:
        raise SubmissionRaised from error


def load(path: Path) -> ModuleType:
    """Import the file under its own name, so that Triton finds the kernels' source."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be imported as a Python module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    remember()
    with submission_code():
        spec.loader.exec_module(module)
    return module


def graded_function(request: Message, module: Any) -> Callable[..., Any]:
    """The submission's function that a request names, with its scenario around it.

    Raises:
        SubmissionRaised: The submission has no such function.
    """
    with submission_code():
        function: Callable[..., Any] = getattr(module, field(request, "function", str))
    asked = optional(request, "scenario", dict)
    if asked is None:
        return function
    place = optional(asked, "path", str)
    course = load_module(Path(place)) if place else scenarios
    return partial(getattr(course, field(asked, "name", str)), function)


def describe(error: BaseException, path: Path) -> Message:
    """An exception as a frame field.

    The line is the innermost one of the submission on the way to the exception. An exception
    inside a kernel comes wrapped by Triton: the innermost cause is the one that says what
    happened.
    """
    chain = list(_causes(error))
    root = chain[-1]
    line = next((found for link in reversed(chain) if (found := _line(link, path))), None)
    return {
        "type": type(root).__name__[:LONGEST_NAME],
        "message": _message(root)[:LONGEST_MESSAGE],
        "line": line,
        "source": linecache.getline(str(path), line).strip()[:LONGEST_MESSAGE] if line else None,
        "compile": any(_is_compiler_error(link) for link in chain),
    }


def _is_compiler_error(error: BaseException) -> bool:
    """By name: Triton's compiler need not be imported to see that it did not speak."""
    return any(base.__name__ == "CompilationError" for base in type(error).__mro__)


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = link.__cause__


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # a student's own exception class may not even print
        return "(its message could not be read)"


def _line(error: BaseException, path: Path) -> int | None:
    line = _told_line(error, path)
    # A student's own SyntaxError may name anything.
    return line if type(line) is int and 0 < line <= LARGEST_LINE else None


def _told_line(error: BaseException, path: Path) -> int | None:
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return error.lineno
    return _compiled_line(error, path) or _traceback_line(error.__traceback__, path)


def _traceback_line(traceback: TracebackType | None, path: Path) -> int | None:
    line = None
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == str(path):
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    return line


def _compiled_line(error: BaseException, path: Path) -> int | None:
    """Triton counts lines from the kernel's ``def``; find that in the file."""
    source = getattr(error, "src", None)
    offset = getattr(getattr(error, "node", None), "lineno", None)
    if not isinstance(source, str) or not isinstance(offset, int):
        return None
    definition = source.splitlines()[0].strip()
    for number, text in enumerate(linecache.getlines(str(path)), start=1):
        if text.strip() == definition:
            return number + offset - 1
    return None
