"""How a grid of programs covers a tensor: blocks, tiles, and the lanes that hang over."""

from __future__ import annotations

import math
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from grader.lab.style import (
    CARD,
    GRID,
    INK,
    MUTED,
    PALETTE,
    PAPER,
    Picture,
    bare,
    on_colour,
)

Tile = tuple[int, int]


def block_mapping(n: int, block: int) -> Picture:
    """A vector of n elements, covered by programs of ``block`` lanes; masked lanes hatched."""
    programs = -(-n // block)
    lanes = programs * block
    text = f"{n} elements, blocks of {block}: {programs} programs, {lanes - n} lanes masked"
    columns = min(64, lanes)
    rows = math.ceil(lanes / columns)
    made = Picture(9, 0.9 + 0.32 * min(rows, 14), text)
    axes = bare(made.panel())
    axes.set_xlim(0, columns)
    axes.set_ylim(rows, 0)
    for lane in range(lanes):
        _cell(axes, (lane // columns, lane % columns), lane // block, masked=lane >= n)
    for program in range(programs):
        lane = program * block
        place = lane % columns + 0.3, lane // columns + 0.5
        colour = PALETTE[program % len(PALETTE)]
        axes.text(*place, str(program), va="center", fontsize=8, color=on_colour(colour))
    axes.set_title(text, loc="left", fontsize=10)
    return made


def tile_mapping(rows: int, columns: int, block_m: int, block_n: int) -> Picture:
    """A matrix covered by tiles, one a program (axis 0 down, axis 1 across)."""
    down, across = -(-rows // block_m), -(-columns // block_n)
    idle = down * block_m * across * block_n - rows * columns
    text = (
        f"[{rows}, {columns}] in tiles of {block_m} x {block_n}: grid ({down}, {across}), "
        f"{idle} lanes masked"
    )
    height = min(4.6, max(1.2, 8.0 * down * block_m / (across * block_n)))
    made = Picture(9, 0.6 + height, text)
    axes = bare(made.panel())
    axes.set_xlim(-0.2, across * block_n + 0.2)
    axes.set_ylim(down * block_m + 0.2, -0.2)
    for i in range(down):
        for j in range(across):
            _tile(axes, (i, j), (block_m, block_n), (rows, columns), i + down * j)
    _overhang(axes, (rows, columns), (down * block_m, across * block_n))
    axes.add_patch(Rectangle((0, 0), columns, rows, fill=False, edgecolor=INK, linewidth=2))
    axes.set_title(text, loc="left", fontsize=10)
    return made


def _cell(axes: Axes, place: tuple[int, int], program: int, *, masked: bool) -> None:
    row, column = place
    colour = CARD if masked else PALETTE[program % len(PALETTE)]
    hatch, edge = ("////", MUTED) if masked else (None, CARD)
    axes.add_patch(
        Rectangle((column, row), 1, 0.9, facecolor=colour, edgecolor=edge, hatch=hatch, lw=0.5)
    )


def _tile(axes: Axes, at: Tile, block: Tile, shape: Tile, number: int) -> None:
    colour = PALETTE[number % len(PALETTE)]
    top, left = at[0] * block[0], at[1] * block[1]
    axes.add_patch(
        Rectangle((left, top), block[1], block[0], facecolor=colour, edgecolor=PAPER, lw=1.5)
    )
    height, width = min(block[0], shape[0] - top), min(block[1], shape[1] - left)
    middle = left + width / 2, top + height / 2
    style: dict[str, Any] = {
        "ha": "center",
        "va": "center",
        "fontsize": 8,
        "color": on_colour(colour),
    }
    axes.text(*middle, f"({at[0]}, {at[1]})", clip_on=True, **style)


def _overhang(axes: Axes, inner: tuple[int, int], outer: tuple[int, int]) -> None:
    rows, columns = inner
    for corner, width, height in (
        ((0, rows), outer[1], outer[0] - rows),
        ((columns, 0), outer[1] - columns, rows),
    ):
        if width > 0 and height > 0:
            axes.add_patch(
                Rectangle(
                    corner, width, height, facecolor=GRID, edgecolor=MUTED, hatch="////", lw=0
                )
            )
