"""Ways to time a call, right and wrong, on the same call: what each of them says.

For the lesson on timing alone; all other figures come from ``measure``.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

from grader.lab.measure import Spread, spreads
from grader.lab.stored import Measured, measured
from grader.lab.style import INK, PALETTE, Picture
from grader.lab.tables import Table

FIRST = "first call, compilation included"
LAUNCH = "host clock, without waiting"
WAITED = "host clock, waiting for the GPU"
WARM = "GPU timestamps, data still in L2"
COLD = "GPU timestamps, L2 cold (what the grader does)"


def clocks(key: str, first: Callable[[], Any], again: Callable[[], Any]) -> Measured:
    """Microseconds of one call by five clocks, of which only the last is a fair one.

    Args:
        key: Lesson and name under which the figures are stored.
        first: A call that compiles: of a kernel that was never launched.
        again: The call that is timed.
    """
    return measured(key, lambda: _by_clock(first, again))


def clocks_table(found: Measured) -> Table:
    """One line a clock."""
    rows = [[name, f"{value:,.1f} µs"] for name, value in (found.value or {}).items()]
    return Table(["clock", "one call"], rows, note=found.source)


def clocks_plot(found: Measured) -> Picture:
    """The same call by five clocks."""
    from grader.lab.seen_plot import note

    if not found.known:
        return note(found.source)
    values: dict[str, float] = found.value
    made = Picture(9, 3.0, "One call timed in five ways")
    axes = made.panel()
    names = list(values)
    bars = axes.barh(names, [values[name] for name in names], color=PALETTE[:5], edgecolor=INK)
    for bar, name in zip(bars, names, strict=True):
        axes.text(bar.get_width() * 1.1, bar.get_y() + 0.4, f"{values[name]:,.1f} µs", va="center")
    axes.set_xscale("log")
    axes.set_xlim(right=8 * max(values.values()))
    axes.invert_yaxis()
    axes.set_xlabel("what the clock says (µs, logarithmic)")
    made.footnote(found.source)
    return made


def _by_clock(first: Callable[[], Any], again: Callable[[], Any]) -> dict[str, float]:
    import torch

    torch.cuda.synchronize()
    start = time.perf_counter()
    first()
    torch.cuda.synchronize()
    compiled = time.perf_counter() - start
    again()
    seconds = {
        FIRST: compiled,
        LAUNCH: _host(again, waits=False),
        WAITED: _host(again, waits=True),
        WARM: _device(again, cold=False).median,
        COLD: _device(again, cold=True).median,
    }
    return {name: value * 1e6 for name, value in seconds.items()}


def _host(call: Callable[[], Any], *, waits: bool, rounds: int = 20) -> float:
    import torch

    found = []
    for _ in range(rounds):
        torch.cuda.synchronize()
        start = time.perf_counter()
        call()
        if waits:
            torch.cuda.synchronize()
        found.append(time.perf_counter() - start)
    torch.cuda.synchronize()
    return statistics.median(found)


def _device(call: Callable[[], Any], *, cold: bool) -> Spread:
    return spreads({"call": call}, rounds=20, cold=cold)["call"]
