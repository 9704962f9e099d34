"""Writes what is generated: skeletons from solutions, notebooks from their sources.

Owns the list of generated files and what each must hold; ``grader.authoring.check`` compares
the same list with the disk. Never overwrites an exercise that somebody has worked on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from grader.authoring.assignment import build_assignment
from grader.authoring.skeleton import build_skeleton
from grader.errors import LessonDefinitionError
from grader.lesson import Course, Lesson


class Outcome(StrEnum):
    """What became of a generated file that was not fresh."""

    WRITTEN = "written"
    KEPT = "kept"


@dataclass(frozen=True)
class Generated:
    """A file that is made from another one.

    Attributes:
        path: Where it belongs.
        text: What it must hold.
        source: What it is made from.
    """

    path: Path
    text: str
    source: Path


@dataclass(frozen=True)
class Built:
    """What ``build`` did about one generated file.

    Attributes:
        path: The file, relative to the course's root.
        outcome: Written, or kept because it is an exercise that somebody has worked on.
    """

    path: Path
    outcome: Outcome

    def __str__(self) -> str:
        """The file, and a remark where it was not written."""
        if self.outcome is Outcome.WRITTEN:
            return str(self.path)
        return f"{self.path} (kept as it is: it holds somebody's work)"


def build(course: Course, lessons: Iterable[Lesson], *, force: bool = False) -> list[Built]:
    """Bring the generated files of lessons up to date.

    Args:
        course: The course.
        lessons: The lessons to build.
        force: Overwrite exercises that hold somebody's work, too.

    Returns:
        One entry for each file that was not fresh.

    Raises:
        LessonDefinitionError: A solution is missing or wrongly marked, or a notebook does not
            fit its tests; nothing of that lesson was written.
    """
    return [
        Built(file.path.relative_to(course.root), _bring_up_to_date(file, keep))
        for lesson in lessons
        for file, keep in _stale_files(lesson, force)
    ]


def generated_files(lesson: Lesson) -> list[Generated]:
    """The generated files of a lesson, with what they must hold.

    Raises:
        LessonDefinitionError: The solution is missing or wrongly marked, or the notebook's grade
            cells are not the graded tests.
    """
    if not lesson.solution.is_file():
        raise LessonDefinitionError(
            f"{lesson.solution}: the reference solution is missing. Write it: the skeleton of "
            f"{lesson.name} is made from it."
        )
    skeleton = build_skeleton(lesson.solution.read_text(), lesson.solution)
    notebook = build_assignment(lesson)
    has_source = lesson.notebook_source.is_file()
    source = lesson.notebook_source if has_source else lesson.test_files[0]
    name = f"{lesson.notebook}.ipynb"
    return [
        Generated(lesson.exercise, skeleton, lesson.solution),
        Generated(lesson.pristine_skeleton, skeleton, lesson.solution),
        Generated(lesson.exercise.with_name(name), notebook, source),
        Generated(lesson.pristine_skeleton.with_name(name), notebook, source),
    ]


def _stale_files(lesson: Lesson, force: bool) -> list[tuple[Generated, bool]]:
    """The files to write, each with whether it must be kept; decided before any is written."""
    return [
        (file, not force and _is_worked_on(file, lesson))
        for file in generated_files(lesson)
        if not (file.path.is_file() and file.path.read_text() == file.text)
    ]


def _is_worked_on(file: Generated, lesson: Lesson) -> bool:
    """Whether an exercise holds anything else than what was last built."""
    if file.path.parent != lesson.exercise.parent or not file.path.is_file():
        return False
    pristine = lesson.pristine_skeleton.with_name(file.path.name)
    return not pristine.is_file() or file.path.read_text() != pristine.read_text()


def _bring_up_to_date(file: Generated, keep: bool) -> Outcome:
    if keep:
        return Outcome.KEPT
    file.path.parent.mkdir(parents=True, exist_ok=True)
    file.path.write_text(file.text)
    return Outcome.WRITTEN
