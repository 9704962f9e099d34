"""Pictures of a recorded launch: a tensor as a grid of elements, coloured by program.

A cell's colour says which program touched it, its number too where there is room; a plus means
several programs. Lanes that the mask keeps away are hatched where they point, also beyond the
tensor's end; active lanes out there are crossed out in red.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch, Rectangle

from grader.lab.style import (
    CARD,
    GRID,
    INK,
    MUTED,
    ORANGE,
    PALETTE,
    PAPER,
    Picture,
    bare,
    legend,
    on_colour,
)
from grader.lab.trace import Access, Argument, Array, Program, Trace
from grader.worker.interpreter import Finding

_WRAP = 64  # elements of a vector in one line of the picture
_MANY = 1024  # elements from which on lines are twice as long
_MOST_LINES = 48
_MOST_COLUMNS = 128
_COLUMNS_FOR_TWO_CHARACTERS = 40
_ROOM_FOR_NUMBERS = 600
_IN_LEGEND = 6


@dataclass(frozen=True)
class _Sheet:
    """A tensor laid out as lines and columns of cells; beyond its end there is room for strays.

    Attributes:
        argument: The tensor.
        lines: Lines of cells.
        columns: Cells in a line.
        cell: Rows and columns of elements that a cell stands for.
        is_vector: Whether lines follow each other in memory.
    """

    argument: Argument
    lines: int
    columns: int
    cell: tuple[int, int]
    is_vector: bool

    @property
    def remark(self) -> str:
        """What a cell stands for, where it is more than an element."""
        rows, columns = self.cell
        if self.cell == (1, 1):
            return ""
        return f", a cell is {columns if self.is_vector else f'{rows} x {columns}'} elements"

    def place(self, elements: Array) -> tuple[Array, Array, Array]:
        """Line, column, and whether they are on the sheet."""
        if self.is_vector:
            cells = elements // self.cell[1]
            line, column = cells // self.columns, cells % self.columns
        else:
            line, column = _row_and_column(self.argument.strides, elements)
            line, column = line // self.cell[0], column // self.cell[1]
        shown = (line >= 0) & (line < self.lines) & (column >= 0) & (column < self.columns)
        return line, column, shown

    def inside(self) -> Array:
        """Which cells hold elements of the tensor."""
        lines, columns = np.indices((self.lines, self.columns))
        shape = self.argument.shape
        if self.is_vector:
            count = int(np.prod(shape))
            return np.asarray((lines * self.columns + columns) * self.cell[1] < count)
        rows, across = lines * self.cell[0], columns * self.cell[1]
        return np.asarray((rows < shape[-2]) & (across < shape[-1]))


def _row_and_column(strides: tuple[int, ...], elements: Array) -> tuple[Array, Array]:
    """Where in a matrix an offset in memory lies; its rows may be strided, or its columns."""
    row, column = max(1, strides[-2]), max(1, strides[-1])
    if column > row:
        return elements % column // row, elements // column
    return elements // row, elements % row // column


def _sheet(argument: Argument, accesses: list[Access]) -> _Sheet:
    shape = argument.shape
    if len(shape) >= 2 and all(size > 0 for size in shape[-2:]):
        cell = -(-(shape[-2] + 1) // _MOST_LINES), -(-(shape[-1] + 1) // _MOST_COLUMNS)
        lines, columns = -(-(shape[-2] + 1) // cell[0]), -(-(shape[-1] + 1) // cell[1])
        return _Sheet(argument, lines, columns, cell, is_vector=False)
    touched = [
        int(part.max())
        for access in accesses
        for part in (access.elements, access.masked)
        if part.size
    ]
    last = max([int(np.prod(shape)) - 1, *touched])
    wrap = _WRAP if last < _MANY else 2 * _WRAP
    scale = -(-(last + 1) // (wrap * _MOST_LINES))
    lines = last // (wrap * scale) + 1
    return _Sheet(argument, lines, wrap, (1, scale), is_vector=True)


def note(text: str) -> Picture:
    """A card with words, where there is nothing to draw yet."""
    made = Picture(9, 1.2, text)
    axes = bare(made.panel())
    axes.text(0.5, 0.5, text, ha="center", va="center", color=INK, fontsize=11, wrap=True)
    return made


def picture(
    trace: Trace, tensor: str, program: int | tuple[int, ...] | None, faults: Sequence[Finding]
) -> Picture:
    """Who reads and who writes which element of a tensor."""
    argument = trace.argument(tensor)
    wanted = None if program is None else _program(program)
    accesses = [
        access
        for access in trace.accesses
        if access.parameter == tensor and wanted in (None, access.program)
    ]
    kinds = [(name, group) for name, group in _groups(accesses) if group]
    if not kinds:
        return note(f"{trace.kernel} does not touch {tensor}.")
    sheet = _sheet(argument, accesses)
    height = min(6.0, 1.0 + 0.17 * sheet.lines)
    who = "" if wanted is None else f", program {_short(wanted)}:"
    made = Picture(9, 0.5 + height * len(kinds), f"Elements of {tensor} touched by {trace.kernel}")
    for number, (name, group) in enumerate(kinds, start=1):
        axes = bare(made.panel(len(kinds), 1, number))
        title = f"{trace.kernel}{who} {name} {tensor} {list(argument.shape)}{sheet.remark}"
        axes.set_title(title, loc="left")
        _draw(axes, sheet, group, trace)
    return made


def _groups(accesses: list[Access]) -> list[tuple[str, list[Access]]]:
    return [
        ("reads", [access for access in accesses if access.kind == "load"]),
        ("writes", [access for access in accesses if access.kind == "store"]),
        ("updates", [access for access in accesses if access.kind == "atomic"]),
    ]


def _program(program: int | tuple[int, ...]) -> Program:
    x, y, z = (*((program,) if isinstance(program, int) else program), 0, 0)[:3]
    return x, y, z


def _draw(axes: Axes, sheet: _Sheet, accesses: list[Access], trace: Trace) -> None:
    owner = np.full((sheet.lines, sheet.columns), -1)
    shared = np.zeros(owner.shape, dtype=np.bool_)
    masked = np.zeros(owner.shape, dtype=np.bool_)
    for access in accesses:
        number = _number(access.program, trace.grid)
        line, column = _shown(sheet, access.elements)
        here = owner[line, column]
        if sheet.cell == (1, 1):  # a larger cell may well belong to several programs
            shared[line, column] |= (here >= 0) & (here != number)
        owner[line, column] = number
        line, column = _shown(sheet, access.masked)
        masked[line, column] = True
    inside = sheet.inside()
    _paint(axes, owner, inside)
    _marks(axes, owner, masked, inside)
    _numbers(axes, np.where(inside, owner, -1), shared)
    if sheet.is_vector:
        _line_numbers(axes, sheet)
    _legend(axes, trace, accesses, bool((shared & inside).any()))


def _shown(sheet: _Sheet, elements: Array) -> tuple[Array, Array]:
    line, column, shown = sheet.place(elements)
    return line[shown], column[shown]


def _number(program: Program, grid: Program) -> int:
    x, y, z = program
    return x + grid[0] * (y + grid[1] * z)


def _paint(axes: Axes, owner: Array, inside: Array) -> None:
    image = np.full((*owner.shape, 3), _rgb(CARD))
    image[inside] = _rgb(GRID)
    for number in np.unique(owner[owner >= 0]):
        image[owner == number] = _rgb(colour(int(number)))
    image[(owner >= 0) & ~inside] = _rgb(PAPER)
    height, width = owner.shape
    axes.imshow(image, extent=(0, width, height, 0), interpolation="nearest", aspect="auto")
    axes.hlines(range(height + 1), 0, width, color=CARD, linewidth=0.6)
    axes.vlines(range(width + 1), 0, height, color=CARD, linewidth=0.6)


def _marks(axes: Axes, owner: Array, masked: Array, inside: Array) -> None:
    """Hatches for masked lanes, red crosses for active lanes beyond the end."""
    for line, column in np.argwhere(masked & (owner < 0))[:4000]:
        box = Rectangle((column, line), 1, 1, facecolor="none", edgecolor=MUTED, hatch="////", lw=0)
        axes.add_patch(box)
    for line, column in np.argwhere((owner >= 0) & ~inside)[:4000]:
        axes.plot(column + 0.5, line + 0.5, "x", color=ORANGE, ms=6, mew=2)


def _numbers(axes: Axes, owner: Array, shared: Array) -> None:
    """The number of the program in each cell, with a plus where there are several.

    Where a cell is too narrow for both the plus stands alone: the colour tells the program.
    """
    if owner.size > _ROOM_FOR_NUMBERS:
        owner = np.where(shared, owner, -1)
    is_narrow = owner.shape[1] > _COLUMNS_FOR_TWO_CHARACTERS
    for line, column in np.argwhere(owner >= 0)[:2000]:
        number, several = int(owner[line, column]), bool(shared[line, column])
        text = f"{'' if is_narrow else number}+" if several else str(number)
        axes.text(
            column + 0.5,
            line + 0.5,
            text,
            ha="center",
            va="center",
            color=on_colour(colour(number)),
            fontsize=7 if several else 6,
            fontweight="bold" if several else "normal",
        )


def _legend(axes: Axes, trace: Trace, accesses: list[Access], is_shared: bool) -> None:
    programs = sorted({access.program for access in accesses}, key=lambda p: p[::-1])
    flat = trace.grid[1:] == (1, 1)
    handles: list[Any] = []
    for each in programs[:_IN_LEGEND]:
        number = _number(each, trace.grid)
        label = f"program {number}" if flat else f"{number}: program {_short(each)}"
        handles.append(Patch(color=colour(number), label=label))
    if len(programs) > _IN_LEGEND:
        handles.append(Patch(color="none", label=f"... {len(programs)} programs"))
    if is_shared:
        handles.append(Patch(color="none", label="+: several programs"))
    if any(access.masked.size for access in accesses):
        handles.append(Patch(facecolor=CARD, edgecolor=MUTED, hatch="////", label="masked lane"))
    legend(axes, handles=handles, loc="center left", bbox_to_anchor=(1.0, 0.5))


def _line_numbers(axes: Axes, sheet: _Sheet) -> None:
    for line in range(sheet.lines):
        text = str(line * sheet.columns * sheet.cell[1])
        axes.text(-0.4, line + 0.5, text, ha="right", va="center", color=MUTED, fontsize=7)


def colour(number: int) -> str:
    """Colour of a program; neighbours differ."""
    return PALETTE[number % len(PALETTE)]


def _rgb(colour: str) -> Array:
    return np.array([int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)])


def _short(program: Program) -> str:
    x, y, z = program
    return f"({x}, {y}, {z})" if z else f"({x}, {y})"
