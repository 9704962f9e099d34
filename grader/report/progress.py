"""What a person sees while tests run: every test's line, a spinner on the one that runs.

Progress goes to standard error and only to a terminal: standard output stays the report's,
and a log holds no half-drawn lines. Both classes here fulfil ``grader.run.Observer``.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console, ConsoleOptions, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from grader.lesson import Lesson
from grader.report.ink import Ink
from grader.report.tests_table import line_of, status_line
from grader.report.words import points, worth
from grader.results import Device, TestResult

REFRESHES_A_SECOND = 8  # enough for a spinner; the judge needs the processor


class Planned(Protocol):
    """A graded test before it ran, as ``grader.run`` announces it."""

    @property
    def id(self) -> str:
        """The test's name."""

    @property
    def title(self) -> str:
        """What students read."""

    @property
    def max_points(self) -> float:
        """What it is worth."""

    @property
    def cases(self) -> int:
        """Number of its cases on this device."""


class SilentProgress:
    """Shows nothing: for files, pipes, and many submissions at once."""

    def __enter__(self) -> Self:
        """Nothing to open."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing to close."""

    def planned(
        self, lesson: Lesson, file: Path, device: Device, sandbox: str, tests: Sequence[Planned]
    ) -> None:
        """Ignored."""

    def case_started(self, test_id: str, case_id: str) -> None:
        """Ignored."""

    def test_finished(self, result: TestResult) -> None:
        """Ignored."""


class LiveProgress(SilentProgress):
    """Redraws the list of tests in place, and wipes it when the run is over."""

    def __init__(self, console: Console, announcement: str) -> None:
        self._console = console
        self._ink = Ink.of(console)
        self._board = Board(self._ink, announcement)
        self._live = Live(
            self._board,
            console=console,
            transient=True,
            refresh_per_second=REFRESHES_A_SECOND,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def __enter__(self) -> Self:
        """Start to draw: at once, since the first test starts only seconds later."""
        self._live.start(refresh=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Wipe what was drawn, also when the run ends by an exception or Ctrl-C."""
        self._live.stop()

    def planned(
        self, lesson: Lesson, file: Path, device: Device, sandbox: str, tests: Sequence[Planned]
    ) -> None:
        """All tests of the run are known."""
        self._board.plan(tests)

    def case_started(self, test_id: str, case_id: str) -> None:
        """A case of a test runs now."""
        self._board.start_case(test_id)

    def test_finished(self, result: TestResult) -> None:
        """A test has its verdict."""
        self._board.finish(result)


class Board:
    """The state of a run as lines; a rich renderable. Knows of no terminal."""

    def __init__(self, ink: Ink, announcement: str) -> None:
        self._ink = ink
        self._announcement = announcement
        self._tests: dict[str, Planned] = {}
        self._started: dict[str, int] = {}
        self._results: dict[str, TestResult] = {}
        self._running: str | None = None
        self._spinner = Spinner(ink.spinner, style="cyan")

    def plan(self, tests: Sequence[Planned]) -> None:
        """These tests will run, in this order."""
        self._tests = {test.id: test for test in tests}

    def start_case(self, test_id: str) -> None:
        """One more case of a test runs now."""
        self._running = test_id
        self._started[test_id] = self._started.get(test_id, 0) + 1

    def finish(self, result: TestResult) -> None:
        """A test has its verdict."""
        self._results[result.id] = result
        self._running = None if self._running == result.id else self._running

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> Iterator[RenderableType]:
        """The lines as they are now; where they do not all fit, those around the running one."""
        if not self._tests:
            yield Text.assemble("  ", self._turning(), f" {self._announcement}")
        tests = list(self._tests.values())
        fitting = max(1, console.height - 1)
        at = next((at for at, test in enumerate(tests) if test.id == self._running), 0)
        first = max(0, min(at - fitting // 2, len(tests) - fitting))
        for test in tests[first : first + fitting]:
            yield self._test(test)

    def _test(self, test: Planned) -> RenderableType:
        result = self._results.get(test.id)
        if result is not None:
            told = points(result)
            return status_line(self._ink, result.status, told, result.title, wrap=False)
        running = test.id == self._running
        label = Text()
        if running:
            step = f"{min(self._started[test.id], test.cases)}/{test.cases}"
            label = Text.assemble("  ", self._turning(), f" case {step}")
        return line_of(
            label,
            Text(worth(test.max_points, None)),
            self._ink.text(test.title, "" if running else "dim"),
            wrap=False,
        )

    def _turning(self) -> Text:
        frame = self._spinner.render(time.monotonic())
        return frame if isinstance(frame, Text) else Text(" ")
