"""The student's saved file, as notebooks use it: fresh after each save, patient when unfinished.

Whether a function was started is decided as the grader decides it, from two texts. A notebook
goes on whatever the file holds: the toolkit's own functions show ``Unfinished`` as a remark.
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from grader.errors import GraderError
from grader.judge.skeleton_state import Progress, function_state
from grader.lesson import Course, Lesson

T = TypeVar("T")


class Unfinished(Exception):
    """There is nothing to run yet; the message says what is left to do."""


class Work:
    """One graded function of the student's file; call it like the function itself.

    Raises:
        Unfinished: When called before its TODOs are done.
    """

    def __init__(self, exercise: Exercise, name: str) -> None:
        self._exercise = exercise
        self.__name__ = name

    @property
    def remark(self) -> str:
        """What is left to do, empty when there is something to run."""
        return self._exercise.remark(self.__name__)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function as the file has it now."""
        return self._exercise.ready(self.__name__)(*args, **kwargs)

    def __repr__(self) -> str:
        return f"{self.__name__} of {self._exercise.file.name}: {self.remark or 'ready to run'}"


class Exercise:
    """The student's file of one lesson: its graded functions, and all else that it defines."""

    def __init__(self, lesson: Lesson, file: Path) -> None:
        self.lesson = lesson
        self.file = file
        self._text = ""
        self._module: ModuleType | None = None
        self._ready: dict[str, tuple[tuple[int, int], Any]] = {}

    def ready(self, name: str) -> Any:
        """A graded function itself, looked up once a save: calls of it are timed.

        Raises:
            Unfinished: There is something left to do in it.
        """
        status = self.file.stat()
        saved = status.st_mtime_ns, status.st_size
        known = self._ready.get(name)
        if known is None or known[0] != saved:
            if remark := self.remark(name):
                raise Unfinished(remark)
            known = self._ready[name] = saved, getattr(self.module, name)
        return known[1]

    @property
    def module(self) -> ModuleType:
        """The file, imported anew whenever it has changed.

        Raises:
            Unfinished: It cannot be imported; the message says why.
        """
        text = self.file.read_text(encoding="utf-8")
        if self._module is None or text != self._text:
            self._module, self._text = _imported(self.file, text), text
        return self._module

    def remark(self, name: str) -> str:
        """What is left to do in a graded function, empty if nothing is."""
        text = self.file.read_text(encoding="utf-8")
        skeleton = self.lesson.pristine_skeleton
        given = skeleton.read_text(encoding="utf-8") if skeleton.is_file() else ""
        state = function_state(given, text, self.lesson.functions[name])
        file = self.file.name
        if state.progress is Progress.STARTED:
            return ""
        if state.progress is Progress.NOT_STARTED:
            return f"{name}: not started yet. Fill in its TODOs in {file}, save, run this again."
        if state.progress is Progress.PARTLY:
            left = ", ".join(f"{todo.name} (line {todo.line})" for todo in state.todo)
            return f"{name}: still to do in {file}: {left}. Save, then run this again."
        where = f"{file}, line {state.line}" if state.line else file
        return f"{name}: {where}: {state.message}."

    def __getattr__(self, name: str) -> Any:
        """A graded function, or whatever else of that name the file defines."""
        if name.startswith("__"):
            raise AttributeError(name)
        if name in self.lesson.functions:
            return Work(self, name)
        return getattr(self.module, name)

    def __repr__(self) -> str:
        lines = [repr(Work(self, name)) for name in self.lesson.functions]
        return "\n".join([f"{self.lesson.name}: {self.file.name}", *lines])


def exercise(lesson: str) -> Exercise:
    """The student's file of a lesson: beside the notebook, else where ``grade`` finds it.

    Raises:
        CourseNotFoundError: This is no folder of a course, and none is installed.
        SubmissionNotFoundError: There is no such file; says where it was looked for.
    """
    found = Course.find().lesson(lesson)
    return Exercise(found, found.submission(None, Path.cwd()))


def attempt(work: Callable[[], T]) -> T | None:
    """Run something that needs the student's code; say what is missing in place of failing.

    Returns:
        What ``work`` gives, or None after a remark.
    """
    try:
        return work()
    except (Unfinished, GraderError) as error:
        print(error)
    except Exception as error:
        print(explain(error))
    return None


_PLACE = re.compile(r"at \d+:\d+:")


def explain(error: BaseException) -> str:
    """An exception of a student's function in one line: what it said first.

    Triton's compiler begins with line and column, and ends with what is wrong there.
    """
    while error.__cause__ is not None:
        error = error.__cause__
    said = str(error).strip().splitlines()
    what = " ".join({said[0]: 0, said[-1]: 0} if said and _PLACE.match(said[0]) else said[:1])
    return f"It raised {type(error).__name__}{': ' + what if what else ''}"


def _imported(file: Path, text: str) -> ModuleType:
    """Import under a name that no other version of the file has: kernels are looked up by it."""
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    name = f"{file.stem}_{digest}"
    module = ModuleType(name)
    module.__file__ = str(file)
    sys.modules[name] = module
    try:
        exec(compile(text, file, "exec"), module.__dict__)  # no cached byte code of an older text
    except Exception as error:
        del sys.modules[name]
        raise Unfinished(f"{file.name} cannot be imported. {explain(error)}") from error
    return module
