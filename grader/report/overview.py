"""Progress over all lessons: a line each with a bar of its points and a word on its state."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from grader.report.findings import nothing_started
from grader.report.ink import Ink
from grader.report.words import number
from grader.results import Report, Status

BAR_CELLS = 10
TITLE_CELLS = 30


@dataclass(frozen=True)
class Row:
    """One lesson in the overview.

    Attributes:
        lesson: Its name.
        title: Its title.
        report: What grading found; None if it could not be graded.
        problem: Why there is no report: ``"not here"``, or what the grader could not do.
    """

    lesson: str
    title: str
    report: Report | None = None
    problem: str = "not here"


def show_row(console: Console, row: Row) -> None:
    """Print one lesson's line."""
    ink = Ink.of(console)
    line = Text.assemble(
        ink.text(f"{row.lesson:10}", "bold"),
        ink.text(_fit(row.title, ink)),
        "  ",
        bar(ink, row.report),
        "  ",
        ink.text(_points(row.report)),
        ink.text(state(row), _state_style(row)),
    )
    console.print(line, no_wrap=True, overflow="crop" if ink.ascii else "ellipsis")


def state(row: Row) -> str:
    """One word or two on where a lesson stands."""
    report = row.report
    if report is None:
        return row.problem
    if any(test.status is Status.GRADER_ERROR for test in report.tests):
        return "grader error"
    if any(test.status is Status.INCONCLUSIVE for test in report.tests):
        return "inconclusive"
    if nothing_started(report):
        return "not started"
    if report.score + report.deferred_points < report.max_score:
        return "in progress"
    waiting = report.deferred_points
    return f"done, {number(waiting)} deferred" if waiting else "done"


def bar(ink: Ink, report: Report | None) -> Text:
    """The lesson's points: earned, waiting for a GPU, open."""
    earned, pending, open_ = ink.bar
    whole = report.max_score if report else 0
    if report is None or not whole:
        return Text(" " * BAR_CELLS)
    full = int(BAR_CELLS * report.score / whole)
    known = int(BAR_CELLS * (report.score + report.deferred_points) / whole)
    return Text.assemble(
        (earned * full, "green"),
        (pending * (known - full), "blue"),
        (open_ * (BAR_CELLS - known), "dim"),
    )


def _points(report: Report | None) -> str:
    told = f"{number(report.score)}/{number(report.max_score)}" if report else ""
    return f"{told:<9}"


def _fit(title: str, ink: Ink) -> str:
    shown = ink.plain(title)
    if len(shown) > TITLE_CELLS:
        shown = shown[: TITLE_CELLS - 2].rstrip() + (".." if ink.ascii else "…")
    return shown.ljust(TITLE_CELLS)


def _state_style(row: Row) -> str:
    if row.report is None:
        return "dim" if row.problem == "not here" else "magenta"
    return {0: "green", 1: "yellow"}.get(int(row.report.exit_code), "magenta")
