"""Each kept submission of each lesson gets, on a CPU, the verdict that its header declares.

The solution earns all that can be judged without a GPU, the skeleton nothing. Of the right ones,
which are graded in full, one a lesson is tried here. ``make validate`` proves the rest: all right
ones, compiling for all GPU targets, and on a GPU what only a GPU can judge. Cheats have a file of
their own, ``test_cheats.py``.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.authoring.subjects import Outcome, Subject, subjects
from grader.authoring.validate import judge
from grader.lesson import Course, Lesson

COURSE = Course(Path(__file__).parents[2])
FOUND = [entry for lesson in COURSE.lessons() for entry in subjects(COURSE, lesson, full=False)]
ON_CPU = [
    entry
    for entry in FOUND
    if entry.role != "cheat"
    and (isinstance(entry, Outcome) or any(each.holds_on("cpu") for each in entry.expectations))
]


def tried_here() -> list[Subject | Outcome]:
    """All that a CPU can judge, but of the right ones only each lesson's first."""
    right: dict[str, Subject | Outcome] = {}
    for entry in ON_CPU:
        if entry.role == "right":
            right.setdefault(_lesson(entry), entry)
    return [entry for entry in ON_CPU if entry.role != "right" or entry in right.values()]


def judged(subject: Subject) -> Outcome:
    """The verdict on a CPU, with as little compiling as it takes.

    Compiling for GPU targets is most of the time, and ``course validate`` does it for all. Here
    the solution is compiled for one target, and what gets its verdict without is not compiled.
    """
    if subject.role != "solution":
        outcome = judge(subject, COURSE, "cpu", targets=())
        if outcome.ok:
            return outcome
    return judge(subject, COURSE, "cpu", targets=("sm_90",))


def _name(entry: Subject | Outcome) -> str:
    return f"{_lesson(entry)}-{entry.role}-{Path(entry.file).stem}"


def _lesson(entry: Subject | Outcome) -> str:
    return entry.lesson if isinstance(entry, Outcome) else entry.lesson.name


@pytest.mark.parametrize("entry", tried_here(), ids=_name)
def test_a_submission_gets_the_verdict_that_it_must_get(
    entry: Subject | Outcome, lent_workers: None
) -> None:
    outcome = entry if isinstance(entry, Outcome) else judged(entry)

    assert (outcome.state, outcome.found) == ("ok", outcome.found)


@pytest.mark.parametrize("lesson", COURSE.lessons(), ids=lambda lesson: lesson.name)
def test_a_lesson_keeps_enough_submissions_to_trust_its_tests(lesson: Lesson) -> None:
    roles = [entry.role for entry in subjects(COURSE, lesson, full=False)]

    assert roles.count("right") >= 3
    assert roles.count("wrong") >= 10
