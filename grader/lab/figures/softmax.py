"""Online softmax, a row's chunk after the other: running maximum, running sum, rescaling."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from grader.lab.style import AMBER, BLUE, GREEN, GRID, INK, MUTED, ORANGE, Picture, legend


def online_softmax(row: Sequence[float], block: int) -> Picture:
    """What a single pass knows after each block of a row.

    Args:
        row: Logits.
        block: Elements that are read at once.
    """
    values = np.asarray(row, dtype=np.float64)
    blocks = [values[start : start + block] for start in range(0, len(values), block)]
    made = Picture(9, 5.2, f"Online softmax of {len(values)} values in blocks of {block}")
    top, bottom = made.panels(2, 1, sharex=True)
    maxima, sums = _walk(blocks)
    middles = [(n + 0.5) * block - 0.5 for n in range(len(blocks))]
    shades = [BLUE if (n // block) % 2 == 0 else AMBER for n in range(len(values))]
    bars = top.bar(range(len(values)), values, color=shades, edgecolor=INK, lw=0.4)
    for n, bar in enumerate(bars):
        bar.set_hatch("" if (n // block) % 2 == 0 else "///")
    top.step(middles, maxima, where="mid", color=ORANGE, lw=2.4, marker="o", label="maximum so far")
    top.set_ylabel("logit")
    top.set_title("each block is read once; only maximum and sum are kept", loc="left")
    legend(top, loc="upper left")
    top.set_ylim(top=1.2 * max(float(values.max()), 0.1))
    bottom.bar(middles, sums, width=0.8 * block, color=GREEN, edgecolor=INK, lw=0.4, label="sum")
    for n, x in enumerate(middles):
        bottom.text(x, sums[n], _step(maxima, n), ha="center", va="bottom", fontsize=8, color=INK)
    bottom.set_ylabel("sum of exp(x - maximum)")
    bottom.set_xlabel("position in the row")
    bottom.set_ylim(0, 1.25 * max(sums))
    exact = float(np.exp(values - values.max()).sum())
    bottom.axhline(exact, color=MUTED, linestyle="--", label=f"of the whole row: {exact:.4g}")
    legend(bottom, loc="upper left")
    for axes in (top, bottom):
        for edge in range(block, len(values), block):
            axes.axvline(edge - 0.5, color=GRID, lw=1.4)
    return made


def _walk(
    blocks: list[np.ndarray[tuple[int], np.dtype[np.float64]]],
) -> tuple[list[float], list[float]]:
    maxima, sums = [], []
    maximum, total = -math.inf, 0.0
    for block in blocks:
        new = max(maximum, float(block.max()))
        total = total * math.exp(maximum - new) + float(np.exp(block - new).sum())
        maximum = new
        maxima.append(maximum)
        sums.append(total)
    return maxima, sums


def _step(maxima: list[float], n: int) -> str:
    """By how much the old sum was rescaled."""
    if n == 0:
        return "start"
    factor = math.exp(maxima[n - 1] - maxima[n])
    return "old sum kept" if factor == 1 else f"old sum x {factor:.2g}"
