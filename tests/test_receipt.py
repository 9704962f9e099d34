"""A receipt repeats a run exactly or says why it cannot."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from grader import receipt
from grader.lesson import Course, Lesson
from grader.results import CaseResult, Device, Report, Status, TestResult

LESSON_TOML = """
title = "Tiny"
notebook = "01_Tiny"
points = 2
deadline_s = 5
[functions.double]
"""


@pytest.fixture
def lesson(tmp_path: Path) -> Lesson:
    folder = tmp_path / "course" / "lesson01"
    folder.mkdir(parents=True)
    (folder / "lesson.toml").write_text(LESSON_TOML)
    (folder / "test_lesson01.py").write_text("# the tests\n")
    return Course(tmp_path).lesson("lesson01")


@pytest.fixture
def submission(tmp_path: Path) -> Path:
    path = tmp_path / "lesson01.py"
    path.write_text("def double(x): ...\n")
    return path


def report_of(file: Path, status: Status = Status.PASSED) -> Report:
    share = 1.0 if status is Status.PASSED else 0.0
    test = TestResult("test_double", "Doubles", 2, (CaseResult("", status, None, share),))
    device = Device("cpu", "interpreter")
    return Report("lesson01", "Tiny", str(file), device, "none", "seed", 1.0, (test,))


def written(tmp_path: Path, lesson: Lesson, submission: Path) -> receipt.Receipt:
    path = tmp_path / "receipt.json"
    receipt.write(path, report_of(submission), lesson)
    return receipt.read(path)


def test_a_receipt_holds_what_a_rerun_needs(
    tmp_path: Path, lesson: Lesson, submission: Path
) -> None:
    found = written(tmp_path, lesson, submission)

    assert (found.lesson, found.seed, found.device) == ("lesson01", "seed", "cpu")
    assert (found.file, found.only) == (submission, ("test_double",))
    assert {"python", "torch", "triton"} <= found.content["versions"].keys()


def test_the_same_file_and_lesson_are_accepted(
    tmp_path: Path, lesson: Lesson, submission: Path
) -> None:
    written(tmp_path, lesson, submission).refuse_other(lesson, submission)


def test_a_changed_submission_is_refused(tmp_path: Path, lesson: Lesson, submission: Path) -> None:
    found = written(tmp_path, lesson, submission)
    submission.write_text("def double(x): return 2 * x\n")

    with pytest.raises(receipt.ReceiptError, match="content has changed"):
        found.refuse_other(lesson, submission)


def test_a_changed_lesson_is_refused(tmp_path: Path, lesson: Lesson, submission: Path) -> None:
    found = written(tmp_path, lesson, submission)
    lesson.test_files[0].write_text("# easier tests\n")

    with pytest.raises(receipt.ReceiptError, match="lesson01 has changed"):
        found.refuse_other(lesson, submission)


def test_a_rerun_with_the_same_verdicts_differs_in_nothing(
    tmp_path: Path, lesson: Lesson, submission: Path
) -> None:
    found = written(tmp_path, lesson, submission)

    assert found.differences(replace(report_of(submission), duration_s=99.0)) == []


def test_a_rerun_with_another_verdict_says_which(
    tmp_path: Path, lesson: Lesson, submission: Path
) -> None:
    found = written(tmp_path, lesson, submission)

    (line,) = found.differences(report_of(submission, Status.FAILED))

    assert line == "test_double: was passed with 2 points, is failed with 0"


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"schema": 0}', "not json"])
def test_what_is_no_receipt_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "receipt.json"
    path.write_text(content)

    with pytest.raises(receipt.ReceiptError, match=r"receipt\.json"):
        receipt.read(path)


def test_a_receipt_is_json_that_others_can_read(
    tmp_path: Path, lesson: Lesson, submission: Path
) -> None:
    found = written(tmp_path, lesson, submission)

    assert json.loads(found.path.read_text())["report"]["tests"][0]["id"] == "test_double"
