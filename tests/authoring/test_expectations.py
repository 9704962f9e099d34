"""Headers of kept submissions, and their comparison with a report."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.authoring.expectations import (
    Expectation,
    ExpectationError,
    Header,
    differences,
    read_header,
)
from grader.results import CaseResult, Device, Diagnosis, Report, Status, TestResult

TESTS = ("test_add", "test_rows")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where a submission is kept."""
    return tmp_path / "no_mask.py"


def header(file: Path, text: str) -> Header:
    """The header of a submission with that text."""
    file.write_text(text)
    return read_header(file, TESTS)


def report(*tests: tuple[str, Status, str | None], kind: str = "cpu") -> Report:
    """A report with these verdicts."""
    results = tuple(
        TestResult(name, name, 1, (CaseResult("", status, Diagnosis(why, "m") if why else None),))
        for name, status, why in tests
    )
    return Report("lesson01", "T", "f", Device(kind, "x"), "s", "0", 1.0, results)


def test_a_header_names_status_test_and_kind(file: Path) -> None:
    found = header(file, '# expect: failed test_add missing-mask\n"""Text."""\n')
    assert found.expectations == (Expectation(Status.FAILED, "test_add", "missing-mask", None, 1),)
    assert found.tests == ("test_add",)
    assert found.lessons == ()


def test_a_verdict_may_differ_between_cpu_and_gpu(file: Path) -> None:
    text = "# expect: failed test_add exception cpu\n# expect: crashed test_add fault gpu\n"
    found = header(file, text)
    assert [line.tier for line in found.expectations] == ["cpu", "gpu"]
    assert found.tests == ("test_add",)
    on_cpu = report(("test_add", Status.FAILED, "exception"))
    on_gpu = report(("test_add", Status.CRASHED, "fault"), kind="gpu")
    assert differences(found.expectations, on_cpu) == []
    assert differences(found.expectations, on_gpu) == []


def test_passed_alone_is_about_every_test_that_can_be_judged(file: Path) -> None:
    found = header(file, "# expect: passed\n")
    assert found.tests == ()
    passed, deferred = ("test_add", Status.PASSED, None), ("test_rows", Status.DEFERRED, "gpu")
    slow = "test_rows", Status.SLOW, "slow"
    assert differences(found.expectations, report(passed, deferred)) == []
    assert differences(found.expectations, report(passed, slow)) == ["slow test_rows slow"]
    nothing = ["nothing could be judged on this machine"]
    assert differences(found.expectations, report(deferred)) == nothing


def test_a_cheat_names_its_lessons(file: Path) -> None:
    found = header(file, "# lessons: 01 lesson03\n# expect: refused * policy\n")
    assert found.lessons == ("lesson01", "lesson03")
    refused = [(name, Status.REFUSED, "policy") for name in TESTS]
    assert differences(found.expectations, report(*refused)) == []


@pytest.mark.parametrize(
    ("verdict", "other"),
    [
        ((Status.FAILED, "missing-mask"), []),
        ((Status.FAILED, "wrong-value"), ["failed test_add wrong-value"]),
        ((Status.PASSED, None), ["passed test_add"]),
        ((Status.DEFERRED, "deferred"), ["deferred test_add deferred"]),
    ],
)
def test_the_right_status_for_a_wrong_reason_is_a_difference(
    file: Path, verdict: tuple[Status, str | None], other: list[str]
) -> None:
    found = header(file, "# expect: failed test_add missing-mask\n")
    assert differences(found.expectations, report(("test_add", *verdict))) == other


def test_a_test_that_was_not_graded_is_a_difference(file: Path) -> None:
    found = header(file, "# expect: failed test_add missing-mask\n")
    rows = report(("test_rows", Status.PASSED, None))
    assert differences(found.expectations, rows) == ["test_add was not graded"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x = 1\n", "no line says what is expected"),
        ("\n# expect:\n", ":2: the status is missing"),
        ("# expect: cpu\n", "the status is missing"),
        ("# expect: broken test_add\n", "no status 'broken'; there are passed, failed"),
        ("# expect: failed test_ad kind\n", "no graded test 'test_ad'; it has test_add, test_rows"),
        ("# expect: failed test_add\n", "failed needs a test (or *) and the kind"),
        ("# expect: failed\n", "failed needs a test (or *) and the kind"),
        ("# expect: failed test_add kind gpu please\n", "'gpu please' is too much"),
        ("# expects: passed\n", "is not understood"),
        ("# Expect: passed\n", "is not understood"),
        ("# expect: passed\n# lessons: one\n", ":2: 'one' is no lesson"),
        ("# expect: passed\n# lessons:\n", "nothing is no lesson"),
    ],
)
def test_a_header_that_cannot_be_understood_is_named_with_file_line_and_form(
    file: Path, text: str, told: str
) -> None:
    with pytest.raises(ExpectationError) as caught:
        header(file, text)
    assert told in str(caught.value)
    assert str(file) in str(caught.value)


def test_a_header_holds_in_a_file_that_is_no_python(file: Path) -> None:
    file.write_bytes(b"# expect: failed * syntax-error\ndef broken(:\n\xff\x00")
    assert read_header(file).expectations[0].kind == "syntax-error"
