"""Each kept submission of each lesson gets, on a CPU, the verdict that its header declares.

The solution earns all that can be judged without a GPU, the skeleton nothing. What only a GPU can
judge is proved by ``course validate --device gpu``; its result is kept in ``docs/evidence``.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.authoring.subjects import Outcome, Subject, subjects
from grader.authoring.validate import judge
from grader.lesson import Course, Lesson

COURSE = Course(Path(__file__).parents[2])
FOUND = [entry for lesson in COURSE.lessons() for entry in subjects(COURSE, lesson, full=False)]
ONE_TARGET = ("sm_90",)  # course validate compiles for all of them; here half the time counts
ON_CPU = [
    entry
    for entry in FOUND
    if isinstance(entry, Outcome) or any(each.holds_on("cpu") for each in entry.expectations)
]


def _name(entry: Subject | Outcome) -> str:
    lesson = entry.lesson if isinstance(entry, Outcome) else entry.lesson.name
    return f"{lesson}-{entry.role}-{Path(entry.file).stem}"


@pytest.mark.parametrize("entry", ON_CPU, ids=_name)
def test_a_kept_submission_gets_the_verdict_that_it_declares(
    entry: Subject | Outcome, request: pytest.FixtureRequest
) -> None:
    if entry.role != "cheat":  # a cheat may leave its process as nobody would want it
        request.getfixturevalue("lent_workers")
    outcome = entry if isinstance(entry, Outcome) else judge(entry, COURSE, "cpu", ONE_TARGET)

    assert (outcome.state, outcome.found) == ("ok", outcome.found)


@pytest.mark.parametrize("lesson", COURSE.lessons(), ids=lambda lesson: lesson.name)
def test_a_lesson_keeps_enough_submissions_to_trust_its_tests(lesson: Lesson) -> None:
    roles = [entry.role for entry in subjects(COURSE, lesson, full=False)]

    assert roles.count("right") >= 3
    assert roles.count("wrong") >= 10
