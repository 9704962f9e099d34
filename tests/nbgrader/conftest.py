"""A released course, copied for each test, and verdicts without a judge."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from grader.lesson import Lesson
from grader.lms.judging import JudgingOptions
from grader.lms.verdicts import Judgement, Verdict
from grader.results import Status
from tests.nbgrader.lecture import POINTS, Lecture, tiny_course
from tests.nbgrader.term import Term, whole_term

# nbgrader starts alembic by name, and tests need not run in an activated environment.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])


@pytest.fixture(scope="session")
def released(tmp_path_factory: pytest.TempPathFactory) -> Lecture:
    """A course whose lesson is released; not to be changed."""
    folder = tmp_path_factory.mktemp("released")
    lecture = Lecture(folder / "nbgrader", tiny_course(folder / "tiny"))
    lecture.root.mkdir()
    here = Path.cwd()
    lecture.release()
    os.chdir(here)
    return lecture


@pytest.fixture
def lecture(
    released: Lecture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Lecture]:
    """A course of the test's own."""
    root = tmp_path / "nbgrader"
    shutil.copytree(released.root, root)
    monkeypatch.chdir(root)
    return Lecture(root, released.course)


@dataclass
class JudgeStandIn:
    """Takes the place of the judge's process: says what the test wants it to find.

    Attributes:
        statuses: The verdict by test; passed where none is named.
        points: Points by test, where they are not all or none.
        failure: Raised instead of a verdict.
        seen: What it was asked to grade.
    """

    statuses: dict[str, Status] = field(default_factory=dict)
    points: dict[str, float] = field(default_factory=dict)
    failure: Exception | None = None
    seen: list[tuple[str, JudgingOptions]] = field(default_factory=list)

    def __call__(
        self, lesson: Lesson, file: Path, options: JudgingOptions, only: tuple[str, ...] = ()
    ) -> Judgement:
        self.seen.append((file.read_text(), options))
        if self.failure is not None:
            raise self.failure
        return Judgement({name: self._verdict(name) for name in only or POINTS}, "<p>Report</p>")

    def _verdict(self, name: str) -> Verdict:
        status = self.statuses.get(name, Status.PASSED)
        earned = POINTS[name] if status is Status.PASSED else 0.0
        points = self.points.get(name, earned)
        return Verdict(name, name, status, points, POINTS[name], f"<p>{name}: {status}</p>")


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> JudgeStandIn:
    """Submissions of this test are judged by a stand-in."""
    stand_in = JudgeStandIn()
    monkeypatch.setattr("grader.lms.autograding.judge", stand_in)
    monkeypatch.setattr("grader.lms.magic.judge", stand_in)
    return stand_in


@pytest.fixture(scope="session")
def term() -> Iterator[Term]:
    """A term that was gone through once; not to be changed."""
    with whole_term() as term:
        yield term
