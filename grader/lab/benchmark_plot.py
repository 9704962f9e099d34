"""The plot of a benchmark: rates over sizes, the ceiling, and what could not be measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matplotlib.axes import Axes

from grader.lab.seen_plot import note
from grader.lab.style import INK, Picture, legend, looks, power_ticks
from grader.units import quantity

if TYPE_CHECKING:
    from grader.lab.rates import Rates

_SCALES = {"B/s": ("TB/s", 1e12), "FLOP/s": ("TFLOP/s", 1e12), "OP/s": ("TOP/s", 1e12)}
_FIRST = ("yours", "reference solution")


def plot(found: Rates, title: str = "") -> Picture:
    """Rates over sizes, spread as bars, the ceiling as a line."""
    if not found.times:
        return note(" ".join([*found.remarks.values(), found.found.source]))
    text = f"{title or 'Speed'} over {found.xlabel} of {', '.join(found.times)}"
    made = Picture(9, 4.2, text)
    axes = made.panel()
    unit, factor = _SCALES.get(found.unit, ("µs", 1e-6))
    style = looks()
    for name in sorted(found.times, key=lambda name: name not in _FIRST):
        _line(axes, found, name, factor, next(style))
    _ceiling(axes, found, unit, factor)
    power_ticks(axes, found.sizes)
    axes.set_xlabel(found.xlabel)
    axes.set_ylabel(unit)
    if unit == "µs":
        axes.set_yscale("log")
    else:
        axes.set_ylim(bottom=0)
    axes.set_title(title, loc="left")
    legend(axes, loc="center left", bbox_to_anchor=(1.0, 0.5))
    below = [*found.remarks.values(), found.found.source]
    made.footnote(" ".join(below))
    return made


def _line(axes: Axes, found: Rates, name: str, factor: float, look: dict[str, Any]) -> None:
    by_size = found.times[name]
    sizes = sorted(by_size)
    middle = [found.rate(by_size[size][0], size) / factor for size in sizes]
    ends = [[found.rate(by_size[size][n], size) / factor for size in sizes] for n in (1, 2)]
    low = [m - min(pair) for m, *pair in zip(middle, *ends, strict=True)]
    high = [max(pair) - m for m, *pair in zip(middle, *ends, strict=True)]
    wide = 2.6 if name in _FIRST else 1.6
    axes.errorbar(sizes, middle, yerr=[low, high], label=name, lw=wide, ms=5, capsize=2, **look)


def _ceiling(axes: Axes, found: Rates, unit: str, factor: float) -> None:
    top = found.ceiling
    if top is not None:
        kind = "large copy" if unit == "TB/s" else "large product"
        label = f"ceiling: {kind}\n{quantity(top, unit.removeprefix('T'))}"
        axes.axhline(top / factor, color=INK, linestyle="--", linewidth=1.4, label=label)
