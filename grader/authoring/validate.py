"""``course validate``: does the grader give every known submission the verdict it must give?

The reference solution earns all that this machine can judge, the skeleton nothing, and each
submission kept under ``tests/submissions`` gets what its header says.
"""

from __future__ import annotations

import os
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from grader import gpu_targets, sandbox
from grader.authoring.cheats import cheat_differences, whole_cheat
from grader.authoring.edits import whole_text
from grader.authoring.expectations import differences, verdict
from grader.authoring.pool import each_in_a_process
from grader.authoring.subjects import Outcome, Subject, outcome_of, subjects
from grader.errors import GraderError
from grader.lesson import Course, Lesson
from grader.lesson_tests import graded_tests
from grader.report.measurements import kernel_lines, measured_lines
from grader.report.progress import SilentProgress
from grader.results import Report

_LARGEST_POOL = 8  # each process holds torch and a worker: about 1 GB

# A report, or why there is none.
Graded = Report | str


@dataclass(frozen=True)
class Piece:
    """Tests of one submission that are graded in one go.

    Attributes:
        subject: The submission, its tests narrowed down.
        alone: Whether nothing else may run on the machine meanwhile, since it is timed.
    """

    subject: Subject
    alone: bool


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
    outcomes: dict[int, Outcome] = {}
    pieces: dict[tuple[int, int], Piece] = {}

    def finish(order: int, outcome: Outcome) -> None:
        outcomes[order] = outcome
        finished(outcome, len(found))

    for order, entry in enumerate(found):
        if isinstance(entry, Outcome):
            finish(order, entry)
        elif not _concerns(entry, tier):
            finish(order, _skipped(entry, course, tier))
        else:
            pieces |= {(order, n): piece for n, piece in enumerate(_pieces(entry, tier))}
    graded: dict[int, list[Graded]] = defaultdict(list)
    for (order, _), result in _grade_all(pieces, tier, jobs):
        graded[order].append(result)
        if len(graded[order]) == sum(other == order for other, _ in pieces):
            subject = found[order]
            assert isinstance(subject, Subject)
            finish(order, _compare(subject, graded[order], course, tier))
    return [outcomes[order] for order in sorted(outcomes)]


def judge(
    subject: Subject, course: Course, tier: str, targets: tuple[str, ...] = gpu_targets.DEFAULT
) -> Outcome:
    """Grade one submission and compare; never raises for what goes wrong with it."""
    if not _concerns(subject, tier):
        return _skipped(subject, course, tier)
    return _compare(subject, [_grade(subject, tier, targets)], course, tier)


def _concerns(subject: Subject, tier: str) -> bool:
    return _is_confined(subject) and any(
        expectation.holds_on(tier) for expectation in subject.expectations
    )


def _is_confined(subject: Subject) -> bool:
    """Whether a cheat cannot reach what is not its own on this machine."""
    return not subject.needs_sandbox or sandbox.probe().level.is_private


def _skipped(subject: Subject, course: Course, tier: str) -> Outcome:
    reason = f"says nothing about {tier}"
    if not _is_confined(subject):
        reason = f"not safe to run at the level {sandbox.probe().level}"
    return outcome_of(course.root, subject, "skipped", reason)


def _pieces(subject: Subject, tier: str) -> Iterator[Piece]:
    """What of a submission may be graded beside others, and what is timed on a GPU."""
    if tier != "gpu" or subject.role == "skeleton":
        yield Piece(subject, alone=False)
        return
    tests = subject.only or tuple(test.name for test in graded_tests(subject.lesson))
    for alone in (False, True):
        only = tuple(name for name in tests if (name in subject.lesson.speed) == alone)
        if only:
            yield Piece(replace(subject, only=only), alone)


def _grade_all(
    pieces: Mapping[tuple[int, int], Piece], tier: str, jobs: int
) -> Iterator[tuple[tuple[int, int], Graded]]:
    """Results in the order in which they come: first what goes together, then what is timed."""
    for alone in (False, True):
        part = {key: piece.subject for key, piece in pieces.items() if piece.alone == alone}
        pool = 1 if alone else jobs or min(os.cpu_count() or 1, _LARGEST_POOL)
        yield from _each(part, tier, pool)


def _each(
    subjects: Mapping[tuple[int, int], Subject], tier: str, jobs: int
) -> Iterator[tuple[tuple[int, int], Graded]]:
    call = partial(_grade, tier=tier)
    if jobs > 1 and len(subjects) > 1:
        yield from each_in_a_process(call, subjects, jobs, _died)
        return
    for key, subject in subjects.items():
        yield key, call(subject)


def _died(subject: Subject) -> Graded:
    return "the process that graded it ended abruptly: killed, or out of memory"


def _grade(subject: Subject, tier: str, targets: tuple[str, ...] = gpu_targets.DEFAULT) -> Graded:
    from grader.run import RunRequest, grade

    try:
        with tempfile.TemporaryDirectory(prefix="validate-") as folder:
            file = Path(folder, subject.file.name)
            file.write_text(_text(subject), encoding="utf-8")
            request = RunRequest(
                subject.lesson,
                file,
                tier,
                subject.only,
                targets=targets,
                policed=subject.policed,
            )
            return grade(request, SilentProgress())
    except GraderError as error:
        return str(error)
    except Exception as error:  # one broken submission must not end the run over all others
        return f"{type(error).__name__}: {error}"


def _text(subject: Subject) -> str:
    if subject.role == "cheat":
        return whole_cheat(subject.file, subject.lesson)
    return whole_text(subject.file, subject.lesson.solution)


def _compare(subject: Subject, graded: Sequence[Graded], course: Course, tier: str) -> Outcome:
    failed = next((result for result in graded if isinstance(result, str)), None)
    if failed is not None:
        return outcome_of(course.root, subject, "error", failed, tier)
    report = _joined([result for result in graded if isinstance(result, Report)], subject.lesson)
    compared = cheat_differences if subject.role == "cheat" else differences
    other = compared(subject.expectations, report)
    told = "; ".join(other) or _summary(subject, report)
    outcome = outcome_of(course.root, subject, "different" if other else "ok", told, tier)
    measured = tuple(_measured(report)) if subject.role == "solution" else ()
    return replace(outcome, duration_s=report.duration_s, measured=measured)


def _joined(reports: Sequence[Report], lesson: Lesson) -> Report:
    """The pieces of one submission as one report, its tests in the lesson's order."""
    if len(reports) == 1:
        return reports[0]
    names = [test.name for test in graded_tests(lesson)]
    tests = sorted((test for one in reports for test in one.tests), key=lambda t: names.index(t.id))
    spent = sum(one.duration_s for one in reports)
    return replace(reports[0], tests=tuple(tests), duration_s=spent)


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
