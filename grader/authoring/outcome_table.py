"""The outcomes of ``course validate`` as a table in the terminal and as JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from grader.authoring.subjects import SUBMISSIONS, Outcome
from grader.report.ink import Ink
from grader.results import Status

_STATES = {
    "ok": (Status.PASSED, "green"),
    "different": (Status.FAILED, "bold red"),
    "skipped": (Status.DEFERRED, "dim"),
    "error": (Status.GRADER_ERROR, "bold magenta"),
}


def show_row(console: Console, outcome: Outcome) -> None:
    """A line for one submission; below it what differs."""
    ink = Ink.of(console)
    status, style = _STATES[outcome.state]
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(width=12, no_wrap=True)
    grid.add_column(width=8, no_wrap=True)
    grid.add_column(width=7, justify="right", no_wrap=True)
    grid.add_column(overflow="fold")
    label = ink.text(f"{ink.mark(status)} {outcome.state}", style)
    spent = f"{outcome.duration_s:.1f} s" if outcome.duration_s else ""
    shown = outcome.file.removeprefix(f"{SUBMISSIONS}/")
    grid.add_row(label, outcome.role, spent, ink.text(shown))
    console.print(grid)
    if not outcome.ok:
        for word, told in (("expected", outcome.expected), ("found", outcome.found)):
            line = Text.assemble((f"{word:9}", "dim"), ink.text(told))
            console.print(Padding(line, (0, 0, 0, 4), expand=False))


def summary(outcomes: Sequence[Outcome]) -> str:
    """``30 ok, 1 different``."""
    counts = Counter(outcome.state for outcome in outcomes)
    return ", ".join(f"{counts[state]} {state}" for state in _STATES if counts[state]) or "nothing"


def to_json(outcomes: Sequence[Outcome]) -> str:
    """All outcomes as a JSON array."""
    return json.dumps([outcome.to_json() for outcome in outcomes], indent=2) + "\n"
