"""``%grade`` in a notebook: the verdict on the saved file, under the cell that asks for it.

The kernel runs whatever the student writes, so the judge is another process; the kernel gets a
report to show and a number to return. That number is for the student and for nbgrader's
Validate button: what counts is what the instructor's own run finds.
"""

from __future__ import annotations

import shlex
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grader.errors import GraderError, UsageError
from grader.lesson import Course, Lesson
from grader.lesson_tests import find_test
from grader.lms.judging import JudgingOptions, judge
from grader.lms.verdicts import Judgement
from grader.report.words import number

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


def load(shell: InteractiveShell) -> None:
    """Define ``%grade`` in a running IPython."""

    def grade(line: str) -> float:
        """Grade the saved file beside the notebook: ``%grade``, ``%grade test_name``."""
        try:
            return grade_saved_file(line)
        except GraderError as error:
            # A cell that fails is 0 points to nbgrader; one that only prints is full marks.
            raise _Told(str(error)) from None

    register: Any = shell.register_magic_function
    register(grade, magic_kind="line", magic_name="grade")


class _Told(Exception):
    """An error whose text is all there is to say; notebooks show no traceback of it."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


def grade_saved_file(line: str, folder: Path | None = None) -> float:
    """Grade the file beside the notebook, show the report, and return the points.

    Args:
        line: What follows ``%grade``: a test, a lesson, both or nothing.
        folder: The notebook's folder; the working folder if None.

    Raises:
        UsageError: No such test or lesson, or no file to grade.
        NotJudgedError: The grader could not judge.
    """
    from IPython import display

    folder = folder or Path.cwd()
    lesson, names = _what_to_grade(line, folder)
    only = tuple(find_test(lesson, name).name for name in names)
    file = folder / f"{lesson.name}.py"
    if not file.is_file():
        raise UsageError(
            f"There is no {file.name} beside this notebook, in {folder}. Copy the released file "
            "there, or open the notebook of the folder that holds yours."
        )
    saved = datetime.fromtimestamp(file.stat().st_mtime)
    print(f"{file.name} as saved at {saved:%H:%M:%S}, on {saved:%d %B %Y}")
    judgement = judge(lesson, file, JudgingOptions(allow_unconfined=True), only)
    show: Any = display.display
    show({"text/html": _shown(judgement, only), "text/plain": ""}, raw=True)
    if judgement.pending:
        print(f"{number(judgement.pending)} points cannot be judged on this machine, or not yet.")
    return judgement.points


def _shown(judgement: Judgement, only: tuple[str, ...]) -> str:
    return judgement.verdicts[only[0]].html if len(only) == 1 else judgement.html


def _what_to_grade(line: str, folder: Path) -> tuple[Lesson, list[str]]:
    """The lesson, and the names of tests."""
    words = _words(line)
    course = Course.find(folder)
    named = [word for word in words if word in course.names()]
    if len(named) > 1:
        raise UsageError("Grade one lesson at a time: %grade LESSON, %grade TEST, or %grade alone.")
    name = named[0] if named else _lesson_of(folder, course.names())
    return course.lesson(name), [word for word in words if word not in named]


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line, comments=True)
    except ValueError as error:
        raise UsageError(f"%grade {line}: {error}. Write %grade, or %grade test_name.") from None


def _lesson_of(folder: Path, names: list[str]) -> str:
    """The lesson whose file lies in the folder."""
    there = [name for name in names if (folder / f"{name}.py").is_file()]
    if folder.name in there:
        return folder.name
    if len(there) == 1:
        return there[0]
    if folder.name in names:
        return folder.name  # whose file is missing, as the caller will say
    found = f"several: {', '.join(there)}" if there else "none"
    raise UsageError(
        f"%grade looks for a file such as {names[0]}.py beside the notebook, in {folder}, and "
        f"found {found}. Name the lesson: %grade {(there or names)[0]}."
    )
