"""Things over time, size and intensity: losses, accuracy, histograms, rooflines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.ticker import LogFormatter

from grader.lab.machine import machine
from grader.lab.style import (
    HATCHES,
    INK,
    MUTED,
    PALETTE,
    Picture,
    legend,
    looks,
    power_ticks,
)
from grader.units import operations


def lines(
    series: Mapping[str, Sequence[float]],
    *,
    xlabel: str,
    ylabel: str,
    title: str = "",
    x: Sequence[float] | None = None,
    logx: bool = False,
    logy: bool = False,
    level: tuple[float, str] | None = None,
) -> Picture:
    """Lines in one plot: losses over steps, accuracy over batches, anything over anything.

    Args:
        series: Values by name.
        xlabel: With the unit.
        ylabel: With the unit.
        title: Above the plot.
        x: Places of the values; 0, 1, 2, ... if left out.
        logx: Logarithmic horizontal axis.
        logy: Logarithmic vertical axis.
        level: A horizontal line to compare with, and its name.
    """
    made = Picture(9, 3.6, f"{title or ylabel} over {xlabel}: {', '.join(series)}")
    axes = made.panel()
    for (name, values), look in zip(series.items(), looks(), strict=False):
        where = list(x) if x is not None else list(range(len(values)))
        every = max(1, len(values) // 12)
        axes.plot(where[: len(values)], values, label=name, markevery=every, ms=5, **look)
    if level is not None:
        axes.axhline(level[0], color=INK, linestyle="--", linewidth=1.2, label=level[1])
    if logx and x is not None:
        power_ticks(axes, x)
    if logy:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(LogFormatter())
        axes.yaxis.set_minor_formatter(LogFormatter())
    elif min((value for values in series.values() for value in values), default=0) > 0:
        axes.set_ylim(bottom=0)  # so that twice as much stands twice as high
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    axes.set_title(title, loc="left")
    legend(axes, loc="best")
    return made


def histograms(
    errors: Mapping[str, Any], *, xlabel: str, title: str = "", bins: int = 60
) -> Picture:
    """Distributions beside each other on one scale, for instance of quantisation errors.

    Args:
        errors: Tensors or arrays by name.
        xlabel: With the unit.
        title: Above the plots.
        bins: How many bars each has.
    """
    data = {name: _flat(values) for name, values in errors.items()}
    edge = max((float(np.abs(values).max()) for values in data.values() if values.size), default=1)
    edges = np.linspace(-edge, edge, bins + 1).tolist()
    made = Picture(9, 0.9 + 1.25 * len(data), f"{title or 'Histograms'} of {', '.join(data)}")
    panels = made.panels(len(data), 1, sharex=True)
    for number, (axes, (name, values)) in enumerate(zip(panels, data.items(), strict=True)):
        axes.hist(
            values, edges, color=PALETTE[number], hatch=HATCHES[number], edgecolor=INK, lw=0.3
        )
        rms = float(np.sqrt((values**2).mean())) if values.size else 0.0
        axes.set_title(f"{name}: root mean square {rms:.3g}", loc="left", fontsize=9)
        axes.set_ylabel("elements", fontsize=8)
    panels[-1].set_xlabel(xlabel)
    if title:
        made.suptitle(title, x=0.01, ha="left", fontsize=11, color=INK)
    return made


def roofline(points: Mapping[str, tuple[float, float | None]], dtype: str = "float16") -> Picture:
    """What bounds a computation: bandwidth on the left, arithmetic on the right of the ridge.

    Args:
        points: By name, operations per byte, and operations per second if measured.
        dtype: What products are computed in.
    """
    found = machine()
    flops, copy = found.ridge_rates(dtype)
    made = Picture(9, 4.2, f"Roofline of the {found.name} with {', '.join(points)}")
    axes = made.panel()
    at = [intensity for intensity, _ in points.values()]
    span = np.geomspace(min([0.05, *at]) / 2, max([10 * flops / copy, *at]) * 2, 200)
    axes.loglog(span, np.minimum(span * copy, flops) / 1e12, color=INK, lw=2.2)
    axes.axvline(flops / copy, color=MUTED, linestyle=":", lw=1.2)
    ridge = f" ridge: {flops / copy:.0f} operations per byte"
    axes.text(flops / copy, flops * 0.3e-12, ridge, color=MUTED, fontsize=8)
    for (name, (intensity, rate)), look in zip(points.items(), looks(), strict=False):
        top = min(intensity * copy, flops)
        known = rate is not None
        axes.plot(
            [intensity], [(rate if rate is not None else top) / 1e12], ls="", ms=9,
            mfc=look["color"] if known else "none", mew=2,
            label=f"{name} ({rate / top:.0%} of the roof)" if rate else f"{name} (at best)", **look,
        )  # fmt: skip
    axes.set_xlabel("operations per byte of memory traffic")
    axes.set_ylabel(f"T{operations(dtype)}")
    axes.set_title(f"{found.label}; the roof is that of {dtype} products", loc="left")
    legend(axes, loc="lower right")
    return made


def _flat(values: Any) -> Any:
    if hasattr(values, "detach"):
        values = values.detach().float().cpu().numpy()
    return np.asarray(values, dtype=np.float64).reshape(-1)
