"""The judge's process is ours, but what it says is checked, and that it ends is seen to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from grader.lesson import Course, Lesson
from grader.lms.judging import JudgingOptions, judge
from grader.lms.verdicts import NotJudgedError
from grader.results import Status
from tests.nbgrader.lecture import TINY

PASSED = {"test": "test_negate", "title": "Negates", "status": "passed", "points": 1.0}
VERDICT = {**PASSED, "max_points": 1.0, "html": "<p>passed</p>"}


@pytest.fixture
def lesson() -> Lesson:
    return Course(TINY).lesson("lesson01")


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A shell script that is started in place of Python."""
    path = tmp_path / "program"
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(path))
    return path


def _says(program: Path, answer: object, rest: str = "") -> None:
    program.write_text(
        f"#!/bin/sh\ncat > /dev/null\ncat <<'END'\n{json.dumps(answer)}\nEND\n{rest}"
    )


def test_verdicts_are_taken_over(lesson: Lesson, program: Path, tmp_path: Path) -> None:
    _says(program, {"judgement": {"verdicts": [VERDICT], "html": "<p>all</p>"}})
    judgement = judge(lesson, tmp_path / "lesson01.py", JudgingOptions())
    assert judgement.verdicts["test_negate"].status is Status.PASSED
    assert (judgement.points, judgement.pending, judgement.html) == (1.0, 0.0, "<p>all</p>")


@pytest.mark.parametrize(
    "verdict",
    [
        {**VERDICT, "points": float("nan")},
        {**VERDICT, "points": float("inf")},
        {**VERDICT, "points": 1.01},
        {**VERDICT, "points": -1},
        {**VERDICT, "points": None},
        {**VERDICT, "status": "excellent"},
        PASSED,
        "passed",
    ],
)
def test_what_is_no_verdict_gives_no_points(
    lesson: Lesson, program: Path, tmp_path: Path, verdict: object
) -> None:
    _says(program, {"judgement": {"verdicts": [verdict], "html": ""}})
    with pytest.raises(NotJudgedError):
        judge(lesson, tmp_path / "lesson01.py", JudgingOptions())


@pytest.mark.parametrize("verdicts", [[], [VERDICT, VERDICT]])
def test_no_verdict_or_two_for_one_test_give_no_points(
    lesson: Lesson, program: Path, tmp_path: Path, verdicts: list[object]
) -> None:
    _says(program, {"judgement": {"verdicts": verdicts, "html": ""}})
    with pytest.raises(NotJudgedError):
        judge(lesson, tmp_path / "lesson01.py", JudgingOptions())


@pytest.mark.parametrize("answer", [None, [], "full marks", {}, {"points": 20}])
def test_any_other_answer_gives_no_points(
    lesson: Lesson, program: Path, tmp_path: Path, answer: object
) -> None:
    _says(program, answer)
    with pytest.raises(NotJudgedError, match="without a verdict"):
        judge(lesson, tmp_path / "lesson01.py", JudgingOptions())


def test_an_error_is_passed_on(lesson: Lesson, program: Path, tmp_path: Path) -> None:
    _says(program, {"error": "This machine has no GPU."})
    with pytest.raises(NotJudgedError, match=r"lesson01\.py was not judged: This machine has no"):
        judge(lesson, tmp_path / "lesson01.py", JudgingOptions())


def test_a_process_that_dies_is_quoted(lesson: Lesson, program: Path, tmp_path: Path) -> None:
    program.write_text("#!/bin/sh\necho 'out of memory' >&2\nexit 9\n")
    with pytest.raises(NotJudgedError, match="out of memory"):
        judge(lesson, tmp_path / "lesson01.py", JudgingOptions())


def test_a_process_that_never_ends_is_ended(lesson: Lesson, program: Path, tmp_path: Path) -> None:
    program.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 1000\n")
    with pytest.raises(NotJudgedError, match=r"took longer than 1 s"):
        judge(lesson, tmp_path / "lesson01.py", JudgingOptions(timeout_s=1.0))
    pid = (tmp_path / "pid").read_text().strip()
    assert not Path("/proc", pid).exists()
