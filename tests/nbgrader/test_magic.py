"""``%grade`` in a notebook; the judge is a stand-in."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from grader.errors import UsageError
from grader.lms.magic import grade_saved_file
from grader.lms.verdicts import NotJudgedError
from grader.results import Status
from tests.nbgrader.conftest import JudgeStandIn
from tests.nbgrader.lecture import TINY


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A notebook's folder, as nbgrader fetches it."""
    folder = tmp_path / "lesson01"
    folder.mkdir()
    (folder / "lesson01.py").write_text("x = 1\n")
    os.utime(folder / "lesson01.py", (1_750_000_000, 1_750_000_000))
    monkeypatch.setenv("GRADER_COURSE", str(TINY))
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The HTML under the cell."""
    pages: list[str] = []
    monkeypatch.setattr(
        "IPython.display.display", lambda data, raw: pages.append(data["text/html"])
    )
    return pages


def test_the_points_of_a_test_are_the_value_and_its_report_is_shown(
    folder: Path, judge: JudgeStandIn, shown: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert grade_saved_file("test_double") == 2.0
    assert shown == ["<p>test_double: passed</p>"]
    assert judge.seen[0][0] == "x = 1\n"
    assert "lesson01.py as saved at" in capsys.readouterr().out


def test_without_a_name_the_whole_lesson_is_graded(
    folder: Path, judge: JudgeStandIn, shown: list[str]
) -> None:
    judge.statuses["test_double"] = Status.NOT_STARTED
    assert grade_saved_file("") == 5.0
    assert shown == ["<p>Report</p>"]


def test_an_exercise_that_was_not_started_is_zero_points_and_no_error(
    folder: Path, judge: JudgeStandIn, shown: list[str]
) -> None:
    judge.statuses["test_double"] = Status.NOT_STARTED
    assert grade_saved_file("test_double") == 0.0


def test_what_cannot_be_judged_here_is_said(
    folder: Path, judge: JudgeStandIn, shown: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    judge.statuses["test_double_large"] = Status.DEFERRED
    assert grade_saved_file("test_double_large") == 0.0
    assert "3 points cannot be judged on this machine" in capsys.readouterr().out


def test_a_lesson_can_be_named(folder: Path, judge: JudgeStandIn, shown: list[str]) -> None:
    assert grade_saved_file("lesson01 double  # how far am I?") == 2.0


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("test_doubel", "Did you mean test_double"),
        ("lesson09", "no graded test 'lesson09'"),
        ("'open", "No closing quotation"),
    ],
)
def test_a_wrong_line_is_explained(folder: Path, judge: JudgeStandIn, line: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        grade_saved_file(line)


def test_a_missing_file_is_explained(folder: Path, judge: JudgeStandIn) -> None:
    (folder / "lesson01.py").unlink()
    with pytest.raises(UsageError, match=r"no lesson01\.py beside this notebook"):
        grade_saved_file("test_double")


def test_a_folder_of_nothing_is_explained(
    folder: Path, judge: JudgeStandIn, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="found none"):
        grade_saved_file("", tmp_path)


def test_in_a_notebook_an_error_fails_the_cell_without_a_traceback(
    folder: Path, judge: JudgeStandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    """A cell that failed is 0 points to nbgrader's Validate; one that printed is full marks."""
    shell: Any = InteractiveShell()
    try:
        shell.run_line_magic("load_ext", "grader")
        judge.failure = NotJudgedError("the GPU fell off")
        result = shell.run_cell("%grade test_double")
    finally:
        InteractiveShell.clear_instance()
    assert not result.success
    told = capsys.readouterr().out
    assert "the GPU fell off" in told
    assert "Traceback" not in told
