"""What a lesson is and where its files lie; nothing about a lesson is registered anywhere.

A folder ``course/lessonNN`` with a ``lesson.toml`` is a lesson. Owns the lookup of the course
and of the file to grade. Imports no torch.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from grader import lesson_file
from grader.errors import (
    CourseNotFoundError,
    SubmissionNotFoundError,
    UnknownLessonError,
)

COURSE_VARIABLE = "GRADER_COURSE"


@dataclass(frozen=True)
class Function:
    """One graded function of a lesson.

    Attributes:
        name: Its name in the submission.
        kernels: The student's kernels that must compute the result.
        backward_kernels: Those that must compute its gradients.
        differentiated: Whether the gradients are asked for too; without, what only they need
            may still be a stub.
        torch: Operations of torch that its host code may use beyond those that every function
            may (``grader.policy.allowed``): names below ``torch``, without a trailing underscore.
        whole_tensors: Whether these may work on whole tensors, as in a training; otherwise they
            are for totals and counts.
    """

    name: str
    kernels: tuple[str, ...]
    backward_kernels: tuple[str, ...] = ()
    differentiated: bool = False
    torch: tuple[str, ...] = ()
    whole_tensors: bool = False

    @property
    def required_kernels(self) -> tuple[str, ...]:
        """The kernels without which the result cannot be the submission's own work."""
        return (*self.kernels, *(self.backward_kernels if self.differentiated else ()))


@dataclass(frozen=True)
class Lesson:
    """One lesson, as its ``lesson.toml`` and its place in the course define it.

    Attributes:
        name: Folder name, e.g. ``"lesson01"``.
        title: Title shown to students.
        notebook: File name of the teaching notebook, without suffix.
        points: What all graded tests sum to.
        deadline_s: Longest time in seconds that one call into the submission may take.
        functions: The graded functions by name.
        speed: Speed thresholds by test id.
        root: The course's root: the folder that holds ``course/`` and ``exercises/``.
        imports: Modules that a submission may import beyond those that every one may.
    """

    name: str
    title: str
    notebook: str
    points: float
    deadline_s: float
    functions: dict[str, Function]
    speed: dict[str, dict[str, Any]]
    root: Path
    imports: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        """Where the lesson is authored."""
        return self.root / "course" / self.name

    @property
    def test_files(self) -> tuple[Path, ...]:
        """The files of graded tests, by name: one that may be missing, or several."""
        found = tuple(sorted(self.folder.glob("test_*.py")))
        return found or (self.folder / f"test_{self.name}.py",)

    @property
    def reference(self) -> Path:
        """The PyTorch oracle and input makers."""
        return self.folder / "reference.py"

    @property
    def scenarios(self) -> Path:
        """Functions of the course that run beside a submission; not every lesson has some."""
        return self.folder / "scenarios.py"

    @property
    def differentiates(self) -> bool:
        """Whether gradients of its functions are graded."""
        return any(function.backward_kernels for function in self.functions.values())

    @property
    def hidden_cases(self) -> Path:
        """Cases that students never see; exists on the instructor's machine only."""
        return self.folder / "hidden" / "cases.py"

    @property
    def notebook_source(self) -> Path:
        """The teaching notebook in py:percent form; not every lesson has one."""
        return self.folder / "notebook.py"

    @property
    def question(self) -> Path:
        """The question that is answered in words and graded by hand, if there is one."""
        return self.folder / "question.md"

    @property
    def pristine_skeleton(self) -> Path:
        """The skeleton as released; students edit their own copy."""
        return self.root / "course" / "source" / self.name / f"{self.name}.py"

    @property
    def exercise(self) -> Path:
        """The skeleton that a student of this checkout fills in."""
        return self.root / "exercises" / self.name / f"{self.name}.py"

    @property
    def solution(self) -> Path:
        """The hidden reference solution, the source of the skeleton."""
        return self.root / "solutions" / f"{self.name}.py"

    @cached_property
    def hints(self) -> dict[str, tuple[str, ...]]:
        """Hint steps by section of ``hints.md``: a nudge, the idea, nearly the answer."""
        path = self.folder / "hints.md"
        return _parse_hints(path.read_text()) if path.is_file() else {}

    def submission(self, explicit: Path | None, working: Path) -> Path:
        """The file to grade.

        Args:
            explicit: The path that the command line names, if it names one.
            working: The working folder.

        Raises:
            SubmissionNotFoundError: There is no such file; names every place looked at.
        """
        name = f"{self.name}.py"
        near = (name, f"{self.name}/{name}", f"exercises/{self.name}/{name}")
        places = [explicit] if explicit else [*(working / one for one in near), self.exercise]
        for place in places:
            if place.is_file():
                return place.resolve()
        looked = "\n  ".join(str(place) for place in dict.fromkeys(places))
        remedy = "Check the path." if explicit else "Name the file: --file PATH."
        raise SubmissionNotFoundError(
            f"No file to grade for {self.name}. Looked at:\n  {looked}\n{remedy}"
        )


@dataclass(frozen=True)
class Course:
    """All lessons below one root folder."""

    root: Path

    @staticmethod
    def find(working: Path | None = None) -> Course:
        """The course that the working folder belongs to.

        ``$GRADER_COURSE`` wins, then the nearest parent with ``course/*/lesson.toml``, then
        the course that was installed with the grader.

        Raises:
            CourseNotFoundError: None of these holds a lesson.
        """
        named = os.environ.get(COURSE_VARIABLE)
        if named:
            for root in (Path(named), Path(named).parent):
                if _holds_lessons(root):
                    return Course(root.resolve())
            raise CourseNotFoundError(
                f"${COURSE_VARIABLE} is {named!r}, but there is no {named}/course/*/lesson.toml. "
                "Set it to the folder that holds course/, or unset it."
            )
        working = (working or Path.cwd()).resolve()
        for root in (working, *working.parents, *_installed_roots()):
            if _holds_lessons(root):
                return Course(root)
        raise CourseNotFoundError(
            f"No course found: neither {working} nor a folder above it holds "
            f"course/*/lesson.toml. Change to the course's folder or set ${COURSE_VARIABLE}."
        )

    def names(self) -> list[str]:
        """Names of all lessons, sorted."""
        return sorted(path.parent.name for path in self.root.glob("course/*/lesson.toml"))

    def lessons(self) -> Iterator[Lesson]:
        """All lessons, in the order of their names."""
        return (self.lesson(name) for name in self.names())

    def lesson(self, name: str) -> Lesson:
        """The lesson of that name; ``3`` and ``03`` stand for ``lesson03``.

        Raises:
            UnknownLessonError: No such lesson; lists those there are.
            LessonDefinitionError: Its ``lesson.toml`` is not valid.
        """
        folder = f"lesson{int(name):02d}" if re.fullmatch(r"\d{1,2}", name) else name
        if folder not in self.names():
            raise UnknownLessonError(
                f"There is no lesson {name!r} in {self.root / 'course'}. "
                f"Lessons: {', '.join(self.names())}."
            )
        return _read_lesson(self.root, folder)


def _installed_roots() -> Iterator[Path]:
    package = Path(__file__).resolve().parent
    yield package / "data"  # a wheel carries the course here
    yield package.parent  # an editable install leaves it beside the package


def _holds_lessons(root: Path) -> bool:
    return any(root.glob("course/*/lesson.toml"))


def _read_lesson(root: Path, name: str) -> Lesson:
    path = root / "course" / name / "lesson.toml"
    values = lesson_file.read(path)
    functions = {
        function: _function(path, function, entry)
        for function, entry in values.pop("functions").items()
    }
    policy = lesson_file.table(path, "policy", values.pop("policy"), ("imports",))
    return Lesson(name=name, root=root, functions=functions, imports=policy["imports"], **values)


def _function(path: Path, name: str, entry: object) -> Function:
    lists = ("kernels", "backward_kernels", "torch")
    table = lesson_file.table(path, f"functions.{name}", entry, lists, ("whole_tensors",))
    return Function(name=name, **table)


def _parse_hints(text: str) -> dict[str, tuple[str, ...]]:
    """Split ``## section`` headings with a numbered list each into steps."""
    sections: dict[str, tuple[str, ...]] = {}
    for block in re.split(r"^## +", text, flags=re.MULTILINE)[1:]:
        heading, _, body = block.partition("\n")
        steps = re.split(r"^\d+\. +", body, flags=re.MULTILINE)[1:]
        sections[heading.strip()] = tuple(" ".join(step.split()) for step in steps)
    return sections
