"""Order of programs in a product of matrices, and what the cache makes of it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from grader.lab.style import (
    AMBER,
    BLUE,
    GRID,
    INK,
    MUTED,
    ORANGE,
    PAPER,
    Picture,
    bare,
    legend,
    looks,
)

Tile = tuple[int, int]


def row_major(rows: int, columns: int) -> list[Tile]:
    """Tiles of C one row after the other."""
    return [(i, j) for i in range(rows) for j in range(columns)]


def grouped(rows: int, columns: int, group: int) -> list[Tile]:
    """Tiles of C in bands of ``group`` rows, down each column of a band."""
    return [
        (i, j)
        for first in range(0, rows, group)
        for j in range(columns)
        for i in range(first, min(first + group, rows))
    ]


def program_order(
    rows: int, columns: int, group: int, inner: int | None = None, first: int | None = None
) -> Picture:
    """Which tiles of A and B the first programs read, in row-major and in grouped order.

    Args:
        rows: Tiles of C down.
        columns: Tiles of C across.
        group: Rows of a band.
        inner: Tiles along K; as many as ``columns`` if left out.
        first: How many programs run at the same time; a row of C if left out.
    """
    depth, count = inner or columns, first or columns
    made = Picture(9, 5.0, f"Tiles read by the first {count} programs in two orders")
    panels = made.panels(2, 3)
    orders = {
        "row-major": row_major(rows, columns),
        f"grouped by {group}": grouped(rows, columns, group),
    }
    for line, (name, order) in enumerate(orders.items()):
        running = order[:count]
        a = {(i, k) for i, _ in running for k in range(depth)}
        b = {(k, j) for _, j in running for k in range(depth)}
        title = f"{name}: A + B = {len(a)} + {len(b)} = {len(a) + len(b)} tiles"
        c = {tile: n for n, tile in enumerate(running)}
        parts = [("A", (rows, depth), a, BLUE), ("B", (depth, columns), b, AMBER)]
        for axes, (matrix, shape, read, colour) in zip(
            panels[3 * line : 3 * line + 2], parts, strict=True
        ):
            _matrix(axes, matrix, shape, read, colour)
        _order(panels[3 * line + 2], (rows, columns), c)
        panels[3 * line].set_title(title, loc="left", fontsize=10)
    return made


def tile_loads(order: Sequence[Tile], inner: int, cache_tiles: int, together: int = 1) -> int:
    """Tiles of A and B that come from memory, with a cache that keeps the latest used.

    Args:
        order: Tiles of C in the order in which programs start.
        inner: Tiles along K.
        cache_tiles: How many tiles the cache holds.
        together: Programs that run at the same time, step by step along K.
    """
    cache: OrderedDict[tuple[str, int, int], None] = OrderedDict()
    loads = 0
    for tile in _reads(order, inner, together):
        if tile in cache:
            cache.move_to_end(tile)
            continue
        loads += 1
        cache[tile] = None
        if len(cache) > cache_tiles:
            cache.popitem(last=False)
    return loads


def _reads(order: Sequence[Tile], inner: int, together: int) -> Iterator[tuple[str, int, int]]:
    for start in range(0, len(order), together):
        for k in range(inner):
            for i, j in order[start : start + together]:
                yield "A", i, k
                yield "B", k, j


def loads_by_group(
    rows: int, columns: int, inner: int, cache_tiles: int, together: int, groups: Sequence[int]
) -> Picture:
    """Tiles loaded from memory over the height of a band, for one size of cache."""
    made = Picture(9, 3.4, "Tiles loaded from memory over the group size")
    axes = made.panel()
    counts = [
        tile_loads(grouped(rows, columns, group), inner, cache_tiles, together) for group in groups
    ]
    look = next(looks())
    axes.plot(groups, counts, lw=2, ms=7, **look)
    least = rows * inner + inner * columns
    axes.axhline(least, color=INK, ls="--", lw=1.2, label=f"each tile once: {least}")
    axes.set_xscale("log", base=2)
    axes.set_xticks(list(groups), [str(group) for group in groups])
    axes.minorticks_off()
    axes.set_ylim(bottom=0)
    axes.set_xlabel("rows of tiles in a group (1 is row-major)")
    axes.set_ylabel("tiles loaded from memory")
    axes.set_title(
        f"{rows} x {columns} tiles of C, K = {inner} tiles, cache of {cache_tiles} tiles, "
        f"{together} programs at a time", loc="left", fontsize=10,
    )  # fmt: skip
    legend(axes)
    return made


def _matrix(axes: Axes, name: str, shape: Tile, read: set[Tile], colour: str) -> None:
    image = np.zeros(shape)
    for tile in read:
        image[tile] = 1
    bare(axes).set_aspect("equal")
    axes.set_xlim(-0.3, shape[1] + 0.3)
    axes.set_ylim(shape[0] + 1.2, -0.3)
    for (i, j), value in np.ndenumerate(image):
        fill = colour if value else GRID
        hatch = "..." if value and colour == AMBER else None
        axes.add_patch(Rectangle((j, i), 1, 1, facecolor=fill, edgecolor=PAPER, hatch=hatch))
    axes.text(shape[1] / 2, shape[0] + 0.8, name, ha="center", color=INK, fontsize=10)


def _order(axes: Axes, shape: Tile, running: dict[Tile, int]) -> None:
    bare(axes).set_aspect("equal")
    axes.set_xlim(-0.3, shape[1] + 0.3)
    axes.set_ylim(shape[0] + 1.2, -0.3)
    for i in range(shape[0]):
        for j in range(shape[1]):
            here = (i, j) in running
            axes.add_patch(
                Rectangle((j, i), 1, 1, facecolor=ORANGE if here else GRID, edgecolor=PAPER)
            )
            if here and max(shape) <= 16:
                axes.text(
                    j + 0.5, i + 0.5, str(running[i, j]), ha="center", va="center", fontsize=7,
                    color=PAPER,
                )  # fmt: skip
    label = "C: order of programs"
    axes.text(shape[1] / 2, shape[0] + 0.8, label, ha="center", color=MUTED, fontsize=9)
