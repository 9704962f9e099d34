"""What there is to validate: solution, skeleton, kept submissions, each with its expectation.

``expectations`` owns the headers; ``validate`` the grading and the comparison.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from grader.authoring.expectations import (
    EVERY_TEST,
    Expectation,
    ExpectationError,
    read_header,
)
from grader.lesson import Course, Lesson
from grader.lesson_tests import graded_tests
from grader.results import Status

SUBMISSIONS = Path("tests", "submissions")


@dataclass(frozen=True)
class Subject:
    """One submission to grade.

    Attributes:
        lesson: The lesson to grade it as.
        role: ``solution``, ``skeleton``, ``right``, ``wrong`` or ``cheat``.
        file: Where it is.
        expectations: What must come out.
        only: The tests to grade; all if empty.
    """

    lesson: Lesson
    role: str
    file: Path
    expectations: tuple[Expectation, ...]
    only: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What came out for one submission.

    Attributes:
        lesson: The lesson's name.
        role: ``solution``, ``skeleton``, ``right``, ``wrong`` or ``cheat``.
        file: Path below the course's root.
        state: ``"ok"``, ``"different"``, ``"skipped"`` (not for this device) or ``"error"``.
        expected: What had to come out, in words.
        found: What came out, in words.
        duration_s: Time that grading took.
        measured: What was measured of a solution: speed, traffic, compiled kernels.
    """

    lesson: str
    role: str
    file: str
    state: str
    expected: str
    found: str
    duration_s: float = 0.0
    measured: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing differs from what was expected."""
        return self.state in ("ok", "skipped")

    def to_json(self) -> dict[str, Any]:
        """Plain values for a program."""
        return {**asdict(self), "duration_s": round(self.duration_s, 3)}


def subjects(course: Course, lesson: Lesson, *, full: bool) -> Iterator[Subject | Outcome]:
    """Everything to grade for a lesson; an outcome in place of what cannot be graded."""
    everything = (Expectation(Status.PASSED, EVERY_TEST, None, None, 0),)
    nothing = (Expectation(Status.NOT_STARTED, EVERY_TEST, None, None, 0),)
    skeleton = lesson.pristine_skeleton
    given = [
        Subject(lesson, "solution", lesson.solution, everything),
        Subject(lesson, "skeleton", skeleton if skeleton.is_file() else lesson.exercise, nothing),
    ]
    for subject in given:
        if subject.file.is_file():
            yield subject
        else:
            yield outcome_of(course.root, subject, "error", "there is no such file")
    tests = [test.name for test in graded_tests(lesson)]
    for role, folder in (("right", lesson.name), ("wrong", lesson.name), ("cheat", "")):
        place = course.root / SUBMISSIONS / (f"{folder}/{role}" if folder else "cheats")
        for file in sorted(place.glob("*.py")):
            entry = _kept(course, lesson, role, file, tests)
            if entry is None:
                continue
            if isinstance(entry, Subject) and full:
                entry = replace(entry, only=())
            yield entry


def _kept(
    course: Course, lesson: Lesson, role: str, file: Path, tests: Sequence[str]
) -> Subject | Outcome | None:
    """A kept submission; None if it is a cheat for other lessons."""
    subject = Subject(lesson, role, file, ())
    try:
        header = read_header(file, None if role == "cheat" else tests)
        if role == "cheat":
            if not header.lessons:
                raise ExpectationError(f"{file}: a cheat says # lessons: 01 03.")
            if lesson.name not in header.lessons:
                return None
            header = read_header(file, tests)
    except ExpectationError as error:
        return outcome_of(course.root, subject, "error", str(error))
    return replace(subject, expectations=header.expectations, only=header.tests)


def outcome_of(
    root: Path, subject: Subject, state: str, found: str, tier: str | None = None
) -> Outcome:
    """The outcome of a subject; ``tier`` leaves out what is expected elsewhere."""
    lines = [line for line in subject.expectations if tier is None or line.holds_on(tier)]
    file = subject.file
    shown = file.relative_to(root) if file.is_relative_to(root) else file
    expected = "; ".join(str(line) for line in lines)
    return Outcome(subject.lesson.name, subject.role, str(shown), state, expected, found)
