"""The report of one lesson in a terminal: what is right, what is wrong, where, what next.

Reads well at 80 columns, without colour, without Unicode and in a file. Owns the order of the
page; ``tests_table`` owns a test's line and what stands below it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from grader.errors import ExitCode
from grader.lesson import Lesson
from grader.report.findings import (
    excerpt,
    first_todo,
    nothing_started,
    score_sentence,
    shared_cause,
    source,
)
from grader.report.ink import Ink
from grader.report.measurements import kernel_lines
from grader.report.tests_table import TestsTable
from grader.report.words import duration
from grader.results import Diagnosis, Report, Status, TestResult
from grader.sandbox.levels import warning

_SCORE_STYLES = {
    ExitCode.OK: "bold green",
    ExitCode.POINTS_LOST: "bold yellow",
    ExitCode.NOT_JUDGED: "bold magenta",
}


def show(console: Console, report: Report, lesson: Lesson | None = None) -> None:
    """Print the report of one lesson.

    Args:
        console: Where to; its width, colours and encoding decide the form.
        report: What was found.
        lesson: Where the lesson's further hints are; without it none are offered.
    """
    page = _Page(report, Ink.of(console), source(report), lesson)
    if console.is_terminal:
        console.print(Group(*page.parts()))
        return
    with console.capture() as printed:
        console.print(Group(*page.parts()))
    lines = (line.rstrip() for line in printed.get().split("\n"))  # no padding in a file
    console.file.write("\n".join(lines))


def shown_path(file: str) -> str:
    """The file as seen from the working folder, if that is shorter."""
    try:
        relative = os.path.relpath(file)
    except ValueError:
        return file
    return min(relative, file, key=len)


class _Page:
    """One report laid out from top to bottom."""

    def __init__(self, report: Report, ink: Ink, lines: list[str], lesson: Lesson | None) -> None:
        self.report = report
        self.ink = ink
        self.lines = lines
        self.lesson = lesson
        self.path = shown_path(report.file)

    def parts(self) -> Iterator[RenderableType]:
        """Heading, what matters most, the tests, what waits, the score."""
        yield self._heading()
        yield ""
        cause = shared_cause(self.report)
        if cause is not None:
            yield self._one_cause(cause)
            yield ""
            yield from self._tests([test for test in self.report.tests if _is_open(test)])
        else:
            if nothing_started(self.report):
                yield from self._start()
            yield from self._tests(self.report.tests)
            yield from self._waiting()
            yield ""
        yield from self._footer()

    def _tests(self, tests: Sequence[TestResult]) -> Iterator[RenderableType]:
        if tests:
            yield TestsTable(tests, self.ink, self.lines, self.lesson)

    def _heading(self) -> Text:
        heading = self.ink.text(self.report.title, "bold")
        return heading.append_text(self.ink.text(f"\n{self.path}", "dim"))

    def _one_cause(self, cause: Diagnosis) -> RenderableType:
        """The one mistake that stands in every test's way, told once."""
        where = f"{self.path}:{cause.line}" if cause.line else self.path
        body: list[RenderableType] = [self.ink.text(cause.message)]
        code = excerpt(self.lines, cause.line)
        if code:
            body += ["", self.ink.code(f"{code[0].number} | {code[0].text}", "bold")]
        body += ["", self.ink.text("Every test waits for this one thing: fix it first.")]
        return Panel(
            Group(*body),
            title=self.ink.code(where, "bold red"),
            subtitle=self.ink.text(cause.kind, "dim"),
            title_align="left",
            subtitle_align="right",
            box=self.ink.box,
            border_style="red",
            padding=(1, 2),
        )

    def _start(self) -> Iterator[RenderableType]:
        """What to do first, for someone who has not written anything yet."""
        todo = first_todo(self.lines)
        name = self.report.lesson
        first = f"1. Open {self.path}"
        if todo is not None:
            first += f" at line {todo.number}:"
        yield self.ink.text("Nothing is written yet. Start here:", "bold cyan")
        yield Padding(self.ink.text(first), (0, 0, 0, 2), expand=False)
        if todo is not None:
            yield Padding(self.ink.code(todo.text, "bold"), (0, 0, 0, 7), expand=False)
        for step in (
            f"2. Run  grade {name} --watch  and save: each save is graded.",
            f"3. Stuck? Run  grade {name} --hint",
        ):
            yield Padding(self.ink.text(step), (0, 0, 0, 2), expand=False)
        yield ""

    def _waiting(self) -> Iterator[RenderableType]:
        """One sentence for each reason why tests could not be judged on this machine."""
        reasons: dict[str, list[str]] = {}
        for test in self.report.tests:
            if test.status is Status.DEFERRED and test.diagnosis is not None:
                reasons.setdefault(test.diagnosis.message, []).append(test.id)
        for message, ids in reasons.items():
            yield ""
            grid = Table.grid(padding=(0, 2, 0, 0))
            label = self.ink.text(f"  {self.ink.mark(Status.DEFERRED)} deferred", "blue")
            grid.add_row(label, self.ink.text(message))
            grid.add_row("", self.ink.text(", ".join(ids), "dim"))
            yield grid

    def _footer(self) -> Iterator[RenderableType]:
        report = self.report
        kernels = kernel_lines(report)
        if kernels:
            for line in kernels:
                yield Padding(self.ink.text(line, "dim"), (0, 0, 0, 2), expand=False)
            yield ""
        yield Rule(style="dim", characters="-" if self.ink.ascii else "─")
        yield self.ink.text(f"Score {score_sentence(report)}", _SCORE_STYLES[report.exit_code])
        for test in report.badges:
            yield self.ink.text(f"Badge: {test.title}", "bold yellow")
        kind = "GPU" if report.device.kind == "gpu" else "CPU"
        facts = (
            f"{kind}: {report.device.name}",
            f"sandbox: {report.sandbox}",
            duration(report.duration_s),
        )
        yield self.ink.text("  ·  ".join(facts), "dim")
        if weakness := warning(report.sandbox):
            yield self.ink.text(weakness, "dim")


def _is_open(test: TestResult) -> bool:
    """Whether the grader owes a verdict that this machine could have given."""
    return not test.status.is_judged and test.status is not Status.DEFERRED
