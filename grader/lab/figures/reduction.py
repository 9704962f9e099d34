"""How the lanes of a block become one number: in pairs, in pairs of pairs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from grader.lab.style import BLUE, GRID, INK, MUTED, PALETTE, Picture, bare, on_colour


def reduction_tree(
    values: Sequence[float], combine: Callable[[float, float], float], name: str
) -> Picture:
    """All lanes of a block combined to one, half of them in each step.

    Args:
        values: What the lanes hold; a power of two of them.
        combine: Makes one number of two: ``max``, or a sum.
        name: What it is called.

    Raises:
        ValueError: The number of lanes is no power of two.
    """
    lanes = len(values)
    if lanes == 0 or lanes & (lanes - 1):
        raise ValueError(f"a block has a power of two of lanes, not {lanes}")
    levels = [list(values)]
    while len(levels[-1]) > 1:
        last = levels[-1]
        levels.append([combine(last[n], last[n + 1]) for n in range(0, len(last), 2)])
    text = f"{name} of {lanes} lanes in {len(levels) - 1} steps"
    made = Picture(9, 0.8 + 0.62 * len(levels), text)
    axes = bare(made.panel())
    for depth, level in enumerate(levels):
        for n, value in enumerate(level):
            x = (n + 0.5) * lanes / len(level)
            if depth:
                for child in (-0.25, 0.25):
                    below = x + child * lanes / len(level)
                    axes.plot([x, below], [depth, depth - 1], color=MUTED, lw=1.2, zorder=1)
            colour = BLUE if depth == 0 else PALETTE[2] if len(level) == 1 else GRID
            box = {"boxstyle": "round,pad=0.35", "facecolor": colour, "edgecolor": INK, "lw": 0.6}
            axes.text(
                x, depth, f"{value:g}", ha="center", va="center", fontsize=9,
                color=on_colour(colour), bbox=box, zorder=2,
            )  # fmt: skip
        axes.text(-0.3, depth, "lanes" if depth == 0 else f"step {depth}", ha="right",
                  va="center", fontsize=8, color=MUTED)  # fmt: skip
    axes.set_xlim(-0.5, lanes)
    axes.set_ylim(len(levels) - 0.5, -0.6)
    axes.set_title(text, loc="left", fontsize=10)
    return made
