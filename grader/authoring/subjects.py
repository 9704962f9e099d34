"""What there is to validate: solution, skeleton, kept submissions, each with its expectation.

``expectations`` owns the headers; ``validate`` the grading and the comparison.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from grader.authoring.cheats import attacked_tests, declared
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

# What is expected of the hollow submission that cheats start from.
_WORTHLESS = tuple(
    Expectation(status, EVERY_TEST, None, None, 0) for status in (Status.FAILED, Status.REFUSED)
)


@dataclass(frozen=True)
class Subject:
    """One submission to grade.

    Attributes:
        lesson: The lesson to grade it as.
        role: ``solution``, ``skeleton``, ``right``, ``wrong`` or ``cheat``.
        file: Where it is.
        expectations: What must come out.
        only: The tests to grade; all if empty.
        policed: Whether the policy looks at it first; cheats are tried without it as well.
        needs_sandbox: Whether it may only run where it cannot reach what is not its own.
    """

    lesson: Lesson
    role: str
    file: Path
    expectations: tuple[Expectation, ...]
    only: tuple[str, ...] = ()
    policed: bool = True
    needs_sandbox: bool = False


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
    for role in ("right", "wrong"):
        for file in sorted((course.root / SUBMISSIONS / lesson.name / role).glob("*.py")):
            entry = _kept(course, Subject(lesson, role, file, ()), tests)
            yield replace(entry, only=()) if isinstance(entry, Subject) and full else entry
    cheats = course.root / SUBMISSIONS / "cheats"
    hollow = Subject(lesson, "cheat", cheats / "hollow" / f"{lesson.name}.py", _WORTHLESS)
    if hollow.file.is_file():
        yield replace(hollow, policed=False)
    for file in sorted(cheats.glob("*.py")):
        yield from _cheats(course, Subject(lesson, "cheat", file, ()), tests)


def _kept(course: Course, subject: Subject, tests: Sequence[str]) -> Subject | Outcome:
    try:
        header = read_header(subject.file, tests)
    except ExpectationError as error:
        return outcome_of(course.root, subject, "error", str(error))
    return replace(subject, expectations=header.expectations, only=header.tests)


def _cheats(course: Course, subject: Subject, tests: Sequence[str]) -> Iterator[Subject | Outcome]:
    """A cheat with the policy and without; nothing if it is one for other lessons."""
    try:
        header = read_header(subject.file)
        if not header.lessons:
            raise ExpectationError(f"{subject.file}: a cheat says # lessons: 01 03.")
    except ExpectationError as error:
        yield outcome_of(course.root, subject, "error", str(error))
        return
    if subject.lesson.name not in header.lessons:
        return
    for policed in (True, False):
        yield replace(
            subject,
            expectations=declared(header, tests, policed=policed),
            only=attacked_tests(header, tests),
            policed=policed,
            needs_sandbox=header.needs_sandbox,
        )


def outcome_of(
    root: Path, subject: Subject, state: str, found: str, tier: str | None = None
) -> Outcome:
    """The outcome of a subject; ``tier`` leaves out what is expected elsewhere."""
    lines = [line for line in subject.expectations if tier is None or line.holds_on(tier)]
    file = subject.file
    shown = file.relative_to(root) if file.is_relative_to(root) else file
    expected = ("" if subject.policed else "policy off: ") + "; ".join(map(str, lines))
    return Outcome(subject.lesson.name, subject.role, str(shown), state, expected, found)
