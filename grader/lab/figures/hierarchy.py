"""The memory hierarchy as a pyramid of boxes, with this machine's sizes and rates."""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

from grader.lab.machine import Machine, machine
from grader.lab.style import AMBER, BLUE, GREEN, INK, MUTED, PURPLE, SKY, Picture, bare, on_colour
from grader.units import quantity


@dataclass(frozen=True)
class _Level:
    name: str
    size: str
    owner: str
    colour: str


def memory_hierarchy() -> Picture:
    """Registers, shared memory, L2, GPU memory and the host: how much there is of each."""
    found = machine()
    made = Picture(
        9, 4.6, f"Memory hierarchy of the {found.name}, from near and fast to far and slow"
    )
    axes = bare(made.panel())
    axes.set_xlim(0, 10)
    axes.set_ylim(0, 10.6)
    levels = _levels(found)
    for number, level in enumerate(levels):
        _box(axes, level, number, len(levels))
    axes.annotate(
        "", (0.25, 9.6), (0.25, 0.4), arrowprops={"arrowstyle": "-|>", "color": MUTED, "lw": 1.6}
    )
    axes.text(
        0.05,
        5,
        "nearer to the arithmetic: faster",
        rotation=90,
        va="center",
        color=MUTED,
        fontsize=9,
    )
    axes.set_title(found.label, loc="left")
    rate = (
        f"GPU memory: {quantity(found.copy_bytes_per_s, 'B/s')} read plus written by a large copy"
    )
    made.footnote(f"{rate}. {found.rates_from}")
    return made


def _levels(found: Machine) -> list[_Level]:
    sms = found.multiprocessors
    return [
        _Level("registers", _of(found.register_bytes, sms), "a program's own values", GREEN),
        _Level(
            "shared memory + L1",
            _of(found.shared_bytes, sms),
            "shared by the threads of one program",
            SKY,
        ),
        _Level("L2 cache", _size(found.l2_bytes), "shared by all programs", AMBER),
        _Level("GPU memory", _size(found.memory_bytes), "where tensors live", PURPLE),
        _Level("host memory", "behind the bus", "where .cpu() puts a tensor", BLUE),
    ]


def _of(nbytes: int, sms: int) -> str:
    return f"{_size(nbytes)} x {sms} SMs = {_size(nbytes * sms)}"


def _box(axes: Axes, level: _Level, number: int, count: int) -> None:
    height = 10 / count
    top = 10 - number * height
    half = 2.3 + 2.2 * number / (count - 1)
    left, bottom = 5.3 - half, top - height + 0.25
    axes.add_patch(
        FancyBboxPatch(
            (left, bottom), 2 * half, height - 0.4, boxstyle="round,pad=0.02,rounding_size=0.15",
            facecolor=level.colour, edgecolor=INK, linewidth=0.8,
        )
    )  # fmt: skip
    ink = on_colour(level.colour)
    middle = bottom + (height - 0.4) / 2
    axes.text(
        5.3, middle + 0.4, f"{level.name}:  {level.size}", ha="center", va="center", color=ink,
        fontsize=10, fontweight="bold",
    )  # fmt: skip
    axes.text(5.3, middle - 0.45, level.owner, ha="center", va="center", color=ink, fontsize=9)


def _size(nbytes: float) -> str:
    for unit, factor in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if nbytes >= factor:
            return f"{nbytes / factor:.3g} {unit}"
    return f"{nbytes:g} B"
