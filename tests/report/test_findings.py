"""What a report says beyond its list of tests."""

from __future__ import annotations

from pathlib import Path

from grader.report.clean import clean, one_line
from grader.report.findings import (
    cases_sentence,
    excerpt,
    first_todo,
    nothing_started,
    score_sentence,
    shared_cause,
    source,
)
from grader.report.words import duration, number
from grader.results import Status, TestResult
from tests.report.samples import CPU, GPU, case, deferred, diagnosis, failed, one, passed, report


def test_a_started_test_ends_the_skeleton() -> None:
    untouched = one(Status.NOT_STARTED)
    assert nothing_started(report(untouched, deferred()))
    assert not nothing_started(report(untouched, passed()))
    assert not nothing_started(report(deferred()))


def test_what_was_not_judged_hides_neither_a_shared_cause_nor_an_untouched_skeleton() -> None:
    why = diagnosis("import-error", "No module named 'nothing'", 3)
    others = deferred(), one(Status.GRADER_ERROR, "x", diagnosis())
    found = report(one(Status.FAILED, "a", why), one(Status.FAILED, "b", why), *others)
    assert shared_cause(found) is why
    assert nothing_started(report(one(Status.NOT_STARTED), *others))


def test_tests_without_a_diagnosis_share_no_cause() -> None:
    assert shared_cause(report(passed("a"), passed("b"))) is None


def test_cases_are_counted_and_the_first_are_named() -> None:
    bad = [case(Status.CRASHED, f"n={n}") for n in range(6)]
    odd = [case(Status.FAILED, "n=9", diagnosis()), case(id="n=10")]
    test = TestResult("t", "T", 1, (*odd, *bad))
    expected = "6 of 8 cases crashed, 1 failed: n=0, n=1, n=2, n=3 and 2 more"
    assert cases_sentence(test) == expected


def test_a_test_with_one_case_needs_no_sentence() -> None:
    assert cases_sentence(one(Status.FAILED)) is None


def test_a_score_says_what_waits_and_why() -> None:
    tests = passed(), failed(), deferred(), one(Status.INCONCLUSIVE)
    cpu = "3/5 judged now, 6 deferred (needs a GPU), 2 inconclusive (run again)"
    assert score_sentence(report(*tests, device=CPU)) == cpu
    assert "6 deferred," in score_sentence(report(*tests, device=GPU))
    assert score_sentence(report(passed(), failed())) == "3/5"


def test_line_numbers_are_those_of_python(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_bytes(b"a\r\nb\x0cc\rd\n")
    assert source(report(file=file)) == ["a", "bc", "d"]


def test_an_excerpt_stays_inside_the_file() -> None:
    lines = ["a", "b", "c"]
    assert [code.number for code in excerpt(lines, 1, around=2)] == [1, 2, 3]
    assert excerpt(lines, 4) == excerpt(lines, 0) == excerpt(lines, None) == []


def test_the_first_todo_is_a_comment_and_not_prose() -> None:
    lines = ['"""Fill in every TODO."""', "    # TODO 1: offsets", "# TODO 2"]
    todo = first_todo(lines)
    assert todo is not None
    assert (todo.number, todo.text) == (2, "# TODO 1: offsets")


def test_cleaning_cuts_what_nobody_would_read_and_says_so() -> None:
    assert clean("x" * 3000, limit=10) == "x" * 10 + "… (cut: 3,000 characters in all)"
    assert one_line("a\n b\t c") == "a b c"


def test_lone_surrogates_and_half_escapes_are_dropped() -> None:
    assert clean("a\ud800b\x1b[") == "ab"
    assert clean("\x1b") == ""


def test_numbers_and_durations_read_as_a_person_writes_them() -> None:
    assert [number(value) for value in (2.0, 1.5, 0.67, 10)] == ["2", "1.5", "0.67", "10"]
    assert [duration(value) for value in (0.44, 9.96, 61)] == ["0.4 s", "10 s", "1 min 01 s"]
