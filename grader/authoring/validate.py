"""``course validate``: does the grader give every known submission the verdict it must give?

The reference solution earns all that this machine can judge, the skeleton nothing, and each
submission kept under ``tests/submissions`` gets what its header says. Owns which submissions
there are and the comparison; ``expectations`` owns the headers, ``grader.run`` the grading.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from grader.authoring.expectations import (
    EVERY_TEST,
    Expectation,
    ExpectationError,
    differences,
    read_header,
    verdict,
)
from grader.authoring.pool import each_in_a_process
from grader.errors import GraderError
from grader.lesson import Course, Lesson
from grader.lesson_tests import graded_tests
from grader.report.measurements import kernel_lines, measured_lines
from grader.report.progress import SilentProgress
from grader.results import Report, Status

SUBMISSIONS = Path("tests", "submissions")
_LARGEST_POOL = 8  # each process holds torch and a worker: about 1 GB


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


def validate(
    course: Course,
    lessons: Iterable[Lesson],
    *,
    device: str = "auto",
    jobs: int = 0,
    full: bool = False,
    finished: Callable[[Outcome, int], None] = lambda outcome, total: None,
) -> list[Outcome]:
    """Grade everything that is known about these lessons.

    Args:
        course: The course.
        lessons: The lessons to validate.
        device: ``auto``, ``cpu`` or ``gpu``.
        jobs: Submissions graded at a time; 0 for as many as fit the machine. What is timed on
            a GPU is alone there in any case.
        full: Grade every test of wrong submissions too, not only those that headers name.
        finished: Told of each outcome as it comes, with the number of all.

    Returns:
        An outcome for each submission, ordered by lesson, role and file.
    """
    from grader.judge.device import choose_device

    tier = choose_device(device)
    found = [entry for lesson in lessons for entry in subjects(course, lesson, full=full)]
    tasks = {order: entry for order, entry in enumerate(found) if isinstance(entry, Subject)}
    outcomes = {order: entry for order, entry in enumerate(found) if isinstance(entry, Outcome)}
    for outcome in outcomes.values():
        finished(outcome, len(found))
    pool = jobs or min(os.cpu_count() or 1, _LARGEST_POOL)
    for together, part in _by_company(tasks, tier):
        for order, outcome in _grade_all(part, course.root, tier, pool if together else 1):
            outcomes[order] = outcome
            finished(outcome, len(found))
    return [outcomes[order] for order in sorted(outcomes)]


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
            yield _outcome(course.root, subject, "error", "there is no such file")
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
        return _outcome(course.root, subject, "error", str(error))
    return replace(subject, expectations=header.expectations, only=header.tests)


def _grade_all(
    tasks: Mapping[int, Subject], root: Path, tier: str, jobs: int
) -> Iterator[tuple[int, Outcome]]:
    """Outcomes in the order in which they come, with their place in the list."""
    call = partial(judge, root=root, tier=tier)
    if jobs > 1 and len(tasks) > 1:
        told = "the process that graded it ended abruptly: killed, or out of memory"
        died = partial(_outcome, root, state="error", found=told, tier=tier)
        yield from each_in_a_process(call, tasks, jobs, died)
        return
    for order, subject in tasks.items():
        yield order, call(subject)


def judge(subject: Subject, root: Path, tier: str) -> Outcome:
    """Grade one submission and compare; never raises for what goes wrong with it."""
    if not any(expectation.holds_on(tier) for expectation in subject.expectations):
        return _outcome(root, subject, "skipped", f"says nothing about {tier}")
    from grader.run import RunRequest, grade

    request = RunRequest(subject.lesson, subject.file, tier, subject.only)
    try:
        report = grade(request, SilentProgress())
    except GraderError as error:
        return _outcome(root, subject, "error", str(error), tier)
    except Exception as error:  # one broken submission must not end the run over all others
        return _outcome(root, subject, "error", f"{type(error).__name__}: {error}", tier)
    other = differences(subject.expectations, report)
    state = "different" if other else "ok"
    told = "; ".join(other) or _summary(subject, report)
    outcome = _outcome(root, subject, state, told, tier)
    measured = tuple(_measured(report)) if subject.role == "solution" else ()
    return replace(outcome, duration_s=report.duration_s, measured=measured)


def _measured(report: Report) -> Iterator[str]:
    for test in report.tests:
        lines = measured_lines(test, ascii=True)
        if lines:
            yield f"{test.id}: {'; '.join(line.strip() for line in lines)}"
    yield from kernel_lines(report)


def _summary(subject: Subject, report: Report) -> str:
    """What came out as expected, in few words."""
    if not subject.only:
        waiting = f", {report.deferred_points:g} deferred" if report.deferred_points else ""
        return f"{report.score:g}/{report.max_score:g} points{waiting}"
    return "; ".join(verdict(test) for test in report.tests)


def _outcome(
    root: Path, subject: Subject, state: str, found: str, tier: str | None = None
) -> Outcome:
    lines = [line for line in subject.expectations if tier is None or line.holds_on(tier)]
    file = subject.file
    shown = file.relative_to(root) if file.is_relative_to(root) else file
    expected = "; ".join(str(line) for line in lines)
    return Outcome(subject.lesson.name, subject.role, str(shown), state, expected, found)


def _by_company(
    tasks: Mapping[int, Subject], tier: str
) -> Iterator[tuple[bool, dict[int, Subject]]]:
    """What may be graded together, and what must be alone on the machine: timing on a GPU."""
    alone = {order for order, subject in tasks.items() if tier == "gpu" and _is_timed(subject)}
    for together in (True, False):
        part = {order: tasks[order] for order in tasks if (order not in alone) == together}
        yield together, part


def _is_timed(subject: Subject) -> bool:
    """Whether a speed test is among the tests to grade."""
    return bool(subject.lesson.speed) and (
        not subject.only or not subject.lesson.speed.keys().isdisjoint(subject.only)
    )
