"""A refusal is a verdict like any other: for the tests that it concerns, before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.policy import LONGEST_TEXT
from grader.results import Status
from tests.grading.tiny import RIGHT, SKELETON, graded, line_of, result_of, verdict_of, with_double

REFUSED = (Status.REFUSED, "torch-instead-of-kernel")


@pytest.mark.usefixtures("no_workers")
def test_a_function_that_leaves_the_work_to_torch_is_refused(tmp_path: Path) -> None:
    text = with_double("return torch.mul(x, 2)")
    report = graded(tmp_path, text, only=("test_double",), policed=True)
    assert verdict_of(report, "test_double") == (*REFUSED, line_of(text, "torch.mul"))
    assert (report.score, report.exit_code) == (0, 1)
    message = str(result_of(report, "test_double").diagnosis)
    assert "torch.mul" in message
    assert "Compute it in your kernel" in message


@pytest.mark.usefixtures("lent_workers")
def test_the_other_functions_are_graded(tmp_path: Path) -> None:
    text = with_double("return torch.mul(x, 2)")
    report = graded(tmp_path, text, policed=True)
    assert verdict_of(report, "test_double_matrix")[:2] == REFUSED
    assert verdict_of(report, "test_negate")[0] is Status.PASSED
    assert verdict_of(report, "test_double_large")[0] is Status.DEFERRED


@pytest.mark.usefixtures("no_workers")
def test_a_forbidden_import_refuses_every_test(tmp_path: Path) -> None:
    report = graded(tmp_path, f"{RIGHT}\nimport subprocess\n", policed=True)
    line = RIGHT.count("\n") + 2
    for test in ("test_double", "test_double_matrix", "test_negate"):
        assert verdict_of(report, test) == (Status.REFUSED, "forbidden-import", line)


@pytest.mark.usefixtures("no_workers")
@pytest.mark.parametrize(
    ("text", "status", "kind"),
    [
        (f"import os\n{SKELETON}", Status.NOT_STARTED, "not-started"),
        ("import os\n", Status.FAILED, "missing-function"),
        (f"{RIGHT}\nimport os\ndef (", Status.FAILED, "syntax-error"),
        ("(" * (LONGEST_TEXT + 1), Status.REFUSED, "too-long"),
    ],
    ids=["skeleton", "nothing there", "no Python", "endless"],
)
def test_what_is_not_there_yet_is_told_before_what_may_not_be(
    tmp_path: Path, text: str, status: Status, kind: str
) -> None:
    report = graded(tmp_path, text, only=("test_double",), policed=True)
    assert verdict_of(report, "test_double")[:2] == (status, kind)


@pytest.mark.usefixtures("lent_workers")
def test_without_the_policy_the_file_runs(tmp_path: Path) -> None:
    report = graded(tmp_path, f"{RIGHT}\nimport os\n", only=("test_double",))
    assert verdict_of(report, "test_double")[0] is Status.PASSED
