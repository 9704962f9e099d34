"""What quantisation does to numbers, and to the latency of a step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.colors import LogNorm

from grader.lab.seen_plot import note
from grader.lab.stored import Measured
from grader.lab.style import AMBER, BLUE, INK, ORANGE, PAPER, Picture, legend

_FACTOR = 1e4  # between the largest and the smallest error that is told apart


def quantizer(bits: int) -> Picture:
    """What becomes of numbers from -1 to 1 in symmetric codes, and how far off they are.

    Args:
        bits: Of a code; the largest code is 2^(bits - 1) - 1.
    """
    largest = 2 ** (bits - 1) - 1
    x = np.linspace(-1, 1, 2001)
    back = np.round(x * largest) / largest
    made = Picture(9, 3.2, f"Symmetric quantisation to {bits} bits and its error")
    left, right = made.panels(1, 2)
    left.plot(x, x, color=INK, ls=":", lw=1, label="x itself")
    left.plot(x, back, color=BLUE, lw=1.6, label="code · scale")
    left.set_title(f"{bits} bits: {2 * largest + 1} codes, scale = 1/{largest}", loc="left")
    left.set_ylabel("quantised x")
    legend(left, loc="upper left")
    right.plot(x, back - x, color=ORANGE, lw=1)
    for bound in (-0.5 / largest, 0.5 / largest):
        right.axhline(bound, color=INK, ls="--", lw=1)
    right.set_title(f"error, at most scale / 2 = {0.5 / largest:.4f} (dashed)", loc="left")
    right.set_ylabel("error")
    for axes in (left, right):
        axes.set_xlabel("x (in units of the largest magnitude)")
    return made


def error_maps(errors: Mapping[str, Any], title: str) -> Picture:
    """Magnitudes of errors as maps below each other, on one logarithmic scale.

    Args:
        errors: Tensors [rows, columns] by name.
        title: Above the maps.
    """
    data = {name: np.abs(_array(values)) for name, values in errors.items()}
    top = max(float(values.max()) for values in data.values()) or 1.0
    norm = LogNorm(top / _FACTOR, top)
    made = Picture(9, 0.7 + 1.75 * len(data), f"{title}: {', '.join(data)}")
    panels = made.panels(len(data), 1, sharex=True)
    for axes, (name, values) in zip(panels, data.items(), strict=True):
        shown = np.maximum(values, top / _FACTOR)
        image = axes.imshow(shown, cmap="cividis", norm=norm, aspect="auto", interpolation="none")
        rms = float(np.sqrt((values**2).mean()))
        axes.set_title(f"{name}: root mean square {rms:.2g}", loc="left", fontsize=9)
        axes.set_ylabel("row", fontsize=8)
        axes.grid(False)
    panels[-1].set_xlabel("column")
    bar = made.colorbar(image, ax=panels, label="magnitude of the error (units of x)")
    bar.ax.tick_params(labelsize=8)
    made.suptitle(title, x=0.01, ha="left", fontsize=11, color=INK)
    return made


def latency_bars(found: Measured | None, title: str) -> Picture:
    """Median and 99th percentile of the latency of several ways to do a step.

    Args:
        found: Its value holds [p50, p99] in milliseconds by name; None if it was not measured.
        title: Above the bars.
    """
    if found is None or not found.known or not found.value:
        return note("No latencies yet." if found is None else found.source)
    made = Picture(9, 1.6 + 0.55 * len(found.value), f"{title}: {', '.join(found.value)}")
    axes = made.panel()
    names = list(found.value)
    places = np.arange(len(names))
    for at, (shift, colour, hatch) in enumerate(((-0.2, BLUE, ""), (0.2, AMBER, "///"))):
        values = [found.value[name][at] for name in names]
        label = ("p50: half of the steps", "p99: one step in a hundred")[at]
        axes.barh(
            places + shift, values, 0.4, color=colour, hatch=hatch, edgecolor=PAPER, label=label
        )
        for place, value in zip(places, values, strict=True):
            axes.text(value, place + shift, f" {value:.2f}", va="center", fontsize=8, color=INK)
    axes.set_yticks(places, names)
    axes.invert_yaxis()
    axes.set_xlabel("latency of a step (ms)")
    axes.set_title(title, loc="left")
    axes.margins(x=0.12)
    legend(axes, loc="center left", bbox_to_anchor=(1.0, 0.5))
    made.footnote(found.source)
    return made


def _array(values: Any) -> Any:
    return values.detach().float().cpu().numpy()
