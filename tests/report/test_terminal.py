"""What a person reads in the terminal, as plain text of a fixed width."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from grader.errors import ExitCode
from grader.lesson import Lesson
from grader.report.terminal import show
from grader.results import CaseResult, Diagnosis, Report, Status, TestResult
from tests.report import samples
from tests.report.samples import (
    NUDGE,
    SUBMISSION,
    case,
    deferred,
    diagnosis,
    failed,
    one,
    passed,
    report,
)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A submission in the working folder."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "lesson01.py"
    path.write_text(SUBMISSION)
    return path


def page(found: Report, lesson: Lesson | None = None, width: int = 80) -> str:
    """The page without colours."""
    stream = io.StringIO()
    show(Console(file=stream, width=width, force_terminal=False), found, lesson)
    return stream.getvalue().removesuffix("\n")


def test_a_report_names_the_mistake_its_line_and_the_way_to_more_hints(
    file: Path, tmp_path: Path
) -> None:
    found = report(passed(), failed(), deferred(), file=file)
    rule = "─" * 80
    expected = f"""\
Elementwise operations
lesson01.py

  ✓ passed        3/3  Adds two vectors

  ✗ failed        0/2  Vectors of any length
    The kernel wrote 23 elements past the end of z: the last block is not
    masked.
    line 12:  tl.store(z_ptr + offsets, x)
    test_any_length · missing-store-mask · 2 of 3 cases failed: n=1025, n=1
    hint: Which elements of the last block does the vector really have?
    more: grade lesson01 --hint test_any_length:2

  - deferred      -/6  As fast as torch.add

  - deferred  Speed is measured on a GPU. Hand in, or grade where there is one.
              test_speed

{rule}
Score 3/5 judged now, 6 deferred (needs a GPU)
CPU: interpreter  ·  sandbox: namespaces  ·  8.1 s"""
    assert page(found, samples.lesson(tmp_path)) == expected


def test_an_untouched_skeleton_gets_a_place_to_start_instead_of_a_list_of_faults(
    file: Path,
) -> None:
    why = Diagnosis("not-started", "The TODOs of add are as they were.")
    text = page(report(one(Status.NOT_STARTED, "a", why), deferred(), file=file))
    expected = """\
Nothing is written yet. Start here:
  1. Open lesson01.py at line 9:
       # TODO: add one block
  2. Run  grade lesson01 --watch  and save: each save is graded.
  3. Stuck? Run  grade lesson01 --hint
"""
    assert expected in text
    assert "The TODOs of add" not in text


def test_a_file_that_cannot_be_read_is_told_once_and_large(file: Path) -> None:
    why = Diagnosis("syntax-error", "SyntaxError: '(' was never closed", 11)
    tests = [one(Status.FAILED, f"test_{at}", why) for at in range(12)]
    text = page(report(*tests, file=file))
    assert text.count("never closed") == 1
    assert "lesson01.py:11" in text
    assert "11 |     x = tl.load(x_ptr + offsets)" in text
    assert "test_7" not in text


def test_a_fault_of_the_grader_is_told_beside_the_one_cause(file: Path) -> None:
    why = Diagnosis("syntax-error", "SyntaxError: '(' was never closed", 11)
    fault = one(Status.GRADER_ERROR, "c", Diagnosis("grader-error", "The oracle failed."))
    tests = one(Status.FAILED, "a", why), one(Status.FAILED, "b", why), fault
    assert "The oracle failed." in page(report(*tests, file=file))


def test_one_cause_is_told_once_also_when_some_tests_passed(file: Path) -> None:
    text = page(report(passed(), failed("a", "First"), failed("b", "Second"), file=file))
    assert text.count("past the end") == 1
    assert (
        """\
  ✗ failed        0/2  Second
    Same cause as: First

─"""
        in text
    )


def test_one_kind_of_mistake_in_one_line_is_one_cause_whatever_the_sizes(file: Path) -> None:
    other = failed("b", "Second", diagnosis(message="The kernel wrote 7 elements past the end."))
    text = page(report(passed(), failed("a", "First"), other, file=file))
    assert text.count("past the end") == 1
    elsewhere = failed("c", "Third", diagnosis(line=11))
    assert page(report(failed("a"), elsewhere, file=file)).count("past the end") == 2


def test_a_single_test_needs_no_banner(file: Path) -> None:
    assert "Every test waits" not in page(report(failed(), file=file))


@pytest.mark.parametrize("status", list(Status))
def test_every_status_is_told_by_a_word_and_not_by_colour_alone(status: Status, file: Path) -> None:
    text = page(report(passed("a"), one(status, "b", diagnosis()), file=file))
    assert status.value.replace("_", " ") in text


@pytest.mark.parametrize("width", [40, 80, 120])
def test_no_line_is_wider_than_the_terminal(width: int, file: Path) -> None:
    why = diagnosis(message="word " * 80 + "x" * 300)
    text = page(report(passed(), failed(why=why), deferred(), file=file), width=width)
    assert max(map(len, text.splitlines())) <= width


def test_an_ascii_terminal_gets_only_ascii(file: Path) -> None:
    buffer = io.BytesIO()
    stream = io.TextIOWrapper(buffer, encoding="ascii")
    why = diagnosis(message="Länge × 2 … 漢")
    tests = [one(status, f"t{at}", why) for at, status in enumerate(Status)]
    console = Console(file=stream, width=80)
    show(console, report(*tests, file=file))
    show(console, report(tests[1], tests[4], file=file))
    stream.flush()
    assert b"Lange x 2 ... ?" in buffer.getvalue()


def test_what_a_student_prints_cannot_steer_the_terminal(file: Path) -> None:
    file.write_text("x = 1 # \x1b]0;title\x07[bold]\x1b[2Jgone\n")
    why = diagnosis(message="\x1b[31m[red]boom[/red]\x9b0m \x00\u202eevil", line=1)
    stream = io.StringIO()
    console = Console(file=stream, width=80, force_terminal=True, color_system=None)
    show(console, report(failed(why=why), file=file))
    text = stream.getvalue()
    assert not set(text) & {"\x1b", "\x9b", "\x00", "\x07", "\u202e"}
    assert "[red]boom[/red] evil" in text
    assert "x = 1 # [bold]gone" in text


def test_colour_is_left_out_when_the_user_asks_for_none(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    stream = io.StringIO()
    show(Console(file=stream, width=80, force_terminal=True), report(failed(), file=file))
    assert "\x1b[31m" not in stream.getvalue()


def test_mistakes_of_another_kind_in_other_cases_are_told_too(file: Path) -> None:
    other = Diagnosis("reads-past-end", "It reads past the end of x.", 11)
    cases = (
        case(Status.FAILED, "n=1025", diagnosis()),
        case(Status.FAILED, "n=3", other),
    )
    text = page(report(TestResult("test_a", "A", 2, cases), file=file))
    assert "both cases failed" in text
    assert "also reads-past-end in n=3: It reads past the end of x. (line 11)" in text


def test_a_line_that_is_not_in_the_file_shows_no_code(file: Path) -> None:
    assert "line 99" not in page(report(failed(why=diagnosis(line=99)), file=file))


def test_a_submission_that_has_vanished_does_not_stop_the_report() -> None:
    assert "Score 0/2" in page(report(failed(), file="/nowhere/lesson01.py"))


def test_points_that_the_grader_owes_are_not_counted_as_lost(file: Path) -> None:
    fault = one(Status.GRADER_ERROR, "a", Diagnosis("grader-error", "The oracle failed."))
    text = page(report(passed(), fault, file=file))
    assert "-/2" in text
    assert "Score 3/3 judged now, 2 not judged (grader error)" in text


def test_a_slow_kernel_shows_the_share_that_it_earned(file: Path) -> None:
    slow = CaseResult("", Status.SLOW, Diagnosis("slow", "0.9 times torch.", None, NUDGE), 0.75)
    text = page(report(TestResult("test_speed", "Fast", 6, (slow,)), file=file))
    assert "◑ slow          4.5/6  Fast" in text


def test_a_measured_speed_is_told_whether_it_sufficed_or_not(file: Path) -> None:
    for test in samples.timed(), samples.timed(Status.SLOW, 0.5):
        text = page(report(passed(), test, file=file))
        assert "0.99× the speed of torch_add" in text
        assert "4.13 TB/s, 97% of this GPU's 4.25 TB/s" in text


def challenge(status: Status) -> TestResult:
    why = None if status is Status.PASSED else Diagnosis("wrong-value", "One value is wrong.")
    return TestResult("test_int4", "int4 weights", 0, (CaseResult("", status, why, 1.0),))


def test_a_challenge_that_is_met_earns_a_badge_and_no_points(file: Path) -> None:
    text = page(report(passed(), challenge(Status.PASSED), file=file))
    assert "badge  int4 weights" in text
    assert "Badge: int4 weights" in text
    assert "Score 3/3" in text


@pytest.mark.parametrize("status", [Status.FAILED, Status.INCONCLUSIVE])
def test_a_challenge_that_is_not_met_costs_nothing(status: Status, file: Path) -> None:
    found = report(passed(), challenge(status), file=file)
    assert "(badge)  int4 weights" in page(found)
    assert (found.exit_code, found.badges) == (ExitCode.OK, ())
