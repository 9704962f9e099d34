"""The moving lines while a lesson is graded, and the overview over all lessons."""

from __future__ import annotations

import io
from dataclasses import dataclass

import pytest
from rich.console import Console

from grader.report.ink import Ink
from grader.report.overview import Row, show_row, state
from grader.report.progress import Board, LiveProgress
from grader.results import Status, TestResult
from tests.report.samples import case, deferred, failed, one, passed, report


@dataclass(frozen=True)
class Plan:
    """A planned test."""

    id: str
    title: str
    max_points: float = 2
    cases: int = 3


def lines(board: Board, height: int = 25) -> list[str]:
    """The board as text, trailing blanks cut."""
    stream = io.StringIO()
    Console(file=stream, width=80, height=height).print(board)
    return [line.rstrip() for line in stream.getvalue().splitlines()]


def test_before_the_tests_are_known_it_says_what_happens() -> None:
    (line,) = lines(Board(Ink(ascii=True), "lesson01: starting"))
    assert line.endswith("lesson01: starting")


def test_the_running_test_shows_its_case_and_the_finished_one_its_verdict() -> None:
    board = Board(Ink(ascii=False), "starting")
    board.plan([Plan("a", "First"), Plan("b", "Second"), Plan("c", "Third")])
    board.start_case("a")
    board.finish(TestResult("a", "First", 2, (case(),)))
    board.start_case("b")
    board.start_case("b")
    first, second, third = lines(board)
    assert first == "  ✓ passed        2/2  First"
    assert second.endswith("case 2/3      -/2  Second")
    assert third == "                  -/2  Third"


def test_the_running_test_stays_in_sight_of_a_low_terminal() -> None:
    board = Board(Ink(ascii=True), "starting")
    board.plan([Plan(f"t{at}", f"Test {at} " + "x" * 80) for at in range(30)])
    board.start_case("t20")
    shown = lines(board, height=9)
    assert len(shown) == 8
    assert any("Test 20" in line for line in shown)


def test_a_run_that_ends_by_an_exception_gives_the_terminal_back() -> None:
    stream = io.StringIO()
    console = Console(file=stream, width=80, force_terminal=True)
    with pytest.raises(KeyboardInterrupt), LiveProgress(console, "starting"):
        raise KeyboardInterrupt
    assert stream.getvalue().endswith("\x1b[2K")
    assert "\x1b[?25h" in stream.getvalue()  # the cursor is visible again


@pytest.mark.parametrize(
    ("tests", "told"),
    [
        ([passed()], "done"),
        ([passed(), deferred()], "done, 6 deferred"),
        ([passed(), failed()], "in progress"),
        ([one(Status.NOT_STARTED), deferred()], "not started"),
        ([passed(), one(Status.GRADER_ERROR)], "grader error"),
        ([passed(), one(Status.INCONCLUSIVE)], "inconclusive"),
    ],
)
def test_a_lesson_has_one_state(tests: list[TestResult], told: str) -> None:
    assert state(Row("lesson01", "Title", report(*tests))) == told


def test_the_overview_has_a_line_for_each_lesson_even_where_no_file_is() -> None:
    stream = io.StringIO()
    console = Console(file=stream, width=80)
    show_row(console, Row("lesson01", "Elementwise", report(passed(), failed(), deferred())))
    show_row(console, Row("lesson02", "Fused operations and memory optimisation"))
    assert stream.getvalue().splitlines() == [
        "lesson01  Elementwise                     ██▒▒▒▒▒▒░░  3/11     in progress",
        "lesson02  Fused operations and memory…                         not here",
    ]
