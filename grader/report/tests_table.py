"""A line for each test, and below a test that is not passed what is wrong and where.

The widths of the columns are the same whether a test passed or not, so that a page can be
read down its left edge: mark, word, points, title.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from grader.lesson import Lesson
from grader.lesson_tests import graded_tests
from grader.report.findings import (
    cases_sentence,
    excerpt,
    further_diagnoses,
    hint_of,
    same_place,
)
from grader.report.ink import Ink
from grader.report.measurements import measured_lines
from grader.report.words import WIDEST_WORD, WORDS, points
from grader.results import Status, TestResult

INDENT = 4
_TOLD_ELSEWHERE = (Status.PASSED, Status.NOT_STARTED, Status.DEFERRED)


@dataclass(frozen=True)
class TestsTable:
    """Tests of a report; a rich renderable.

    Attributes:
        tests: The tests to show.
        ink: How the terminal takes text.
        lines: The submission.
        lesson: Where further hints are; without it none are offered.
    """

    __test__ = False  # not a test class, whatever pytest thinks of the name

    tests: Sequence[TestResult]
    ink: Ink
    lines: list[str]
    lesson: Lesson | None

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> Iterator[RenderableType]:
        """The lines of the page, as rich asks for them; a blank line around each block."""
        width = max((len(points(test)) for test in self.tests), default=0)
        after_block = False
        for at, test in enumerate(self.tests):
            details = list(self._details(test, self.tests[:at]))
            is_block = len(details) > 1
            if after_block or (is_block and at > 0):
                yield ""
            yield status_line(self.ink, test.status, points(test).rjust(width), test.title)
            yield from (Padding(part, (0, 0, 0, INDENT), expand=False) for part in details)
            after_block = is_block

    def _details(self, test: TestResult, above: Sequence[TestResult]) -> Iterator[RenderableType]:
        """What is wrong, and what was measured."""
        yield from self._reasons(test, above)
        for line in measured_lines(test, ascii=self.ink.ascii):
            yield self.ink.text(line, "dim")

    def _reasons(self, test: TestResult, above: Sequence[TestResult]) -> Iterator[RenderableType]:
        """Message, line of code, cases and hint; one line for a cause told above."""
        diagnosis = test.diagnosis
        if diagnosis is None or test.status in _TOLD_ELSEWHERE:
            return
        twin = next((other for other in above if same_place(other.diagnosis, diagnosis)), None)
        if twin is not None:
            yield self.ink.text(f"Same cause as: {twin.title}", "dim")
            return
        yield self.ink.text(diagnosis.message)
        for code in excerpt(self.lines, diagnosis.line):
            yield self._code(code.number, code.text)
        yield from self._small_print(test, diagnosis.kind)
        nudge = hint_of(test)
        if nudge:
            yield from self._hint(test.id, nudge)

    def _code(self, at: int, text: str) -> Text:
        return self.ink.code(f"line {at}:  {text.strip()}", "bold")

    def _small_print(self, test: TestResult, kind: str) -> Iterator[RenderableType]:
        facts = [test.id, kind]
        sentence = cases_sentence(test)
        if sentence:
            facts.append(sentence)
        yield self.ink.text(" · ".join(facts), "dim")
        for case, other in further_diagnoses(test):
            where = f" (line {other.line})" if other.line else ""
            yield self.ink.text(f"also {other.kind} in {case}: {other.message}{where}", "dim")

    def _hint(self, test_id: str, nudge: str) -> Iterator[RenderableType]:
        yield Text.assemble(("hint: ", "cyan"), self.ink.text(nudge))
        if self.lesson is not None and self._further_steps(self.lesson, test_id):
            command = f"more: grade {self.lesson.name} --hint {test_id}:2"
            yield self.ink.text(command, "dim")

    def _further_steps(self, lesson: Lesson, test_id: str) -> bool:
        sections = {test.name: test.hint or "" for test in graded_tests(lesson)}
        return len(lesson.hints.get(sections.get(test_id, ""), ())) > 1


def status_line(
    ink: Ink, status: Status, told_points: str, title: str, *, wrap: bool = True
) -> Table:
    """Mark, word, points and title of one test that has its verdict."""
    word = WORDS[status]
    label = ink.text(f"  {ink.mark(status)} {word.text}", word.style)
    return line_of(label, ink.text(told_points), ink.text(title), wrap=wrap)


def line_of(label: Text, told_points: Text, title: Text, *, wrap: bool = True) -> Table:
    """A line of the page, in columns of a fixed width; only the title may wrap."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(width=WIDEST_WORD + 4, no_wrap=True)
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=not wrap, overflow="ellipsis" if not wrap else "fold")
    grid.add_row(label, told_points, title)
    return grid
