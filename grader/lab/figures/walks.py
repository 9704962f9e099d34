"""The accesses of one program in their order: how often, and in which direction, it walks a row."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from grader.lab.seen import Seen
from grader.lab.seen_plot import note
from grader.lab.style import AMBER, BLUE, ORANGE, PAPER, Picture, legend
from grader.lab.trace import Access

_LOOK = {
    "load": (BLUE, "", "o"),
    "store": (AMBER, "///", "s"),
    "atomic": (ORANGE, "xxx", "D"),
}
_NAMED = 24  # as many accesses have a line each that bears a name


def walks(seen: Seen, program: int = 0, kernel: str | int = 0) -> Picture:
    """Elements over time: a bar for each load and each store of one program.

    Args:
        seen: A record of launches; one that has a remark is shown as its words.
        program: Number of the program along the first axis of the grid.
        kernel: Which launch, by number or by the kernel's name.
    """
    if seen.remark or not seen.traces:
        return note(seen.remark or "No kernel was launched, so nothing was touched.")
    trace = seen.trace(kernel)
    own = [a for a in trace.accesses if a.program == (program, 0, 0) and a.elements.size]
    made = Picture(
        9, 1.5 + 0.19 * min(len(own), _NAMED), f"Accesses of {trace.kernel}, one after the other"
    )
    axes = made.panel()
    for step, access in enumerate(own, start=1):
        _bar(axes, step, access)
    if len(own) <= _NAMED:
        names = [f"{access.kind} {access.parameter}" for access in own]
        axes.set_yticks(range(1, len(own) + 1), names, fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel("element, counted from the tensor's first")
    axes.set_ylabel("time: one access after the other", fontsize=8)
    axes.set_title(f"{trace.kernel}, program {program}: {len(own)} accesses", loc="left")
    _legend(axes, own)
    return made


def _bar(axes: Axes, step: int, access: Access) -> None:
    """A bar from the first to the last element; a marker too, since a single one is too narrow."""
    first, last = int(access.elements.min()), int(access.elements.max())
    colour, hatch, marker = _LOOK[access.kind]
    axes.barh([step], [last + 1 - first], 0.8, first, color=colour, hatch=hatch, edgecolor=PAPER)
    axes.plot([first], [step], ls="", marker=marker, ms=6, color=colour, mec=PAPER, clip_on=False)


def _legend(axes: Axes, accesses: list[Access]) -> None:
    """What bars and markers stand for; with the tensors' names where the lines have none."""
    if len(accesses) <= _NAMED:
        kinds = dict.fromkeys((access.kind, access.kind) for access in accesses)
    else:
        kinds = dict.fromkeys((f"{a.kind} {a.parameter}", a.kind) for a in accesses)
    handles = [
        Line2D([], [], color=_LOOK[kind][0], marker=_LOOK[kind][2], lw=6, mec=PAPER, label=name)
        for name, kind in kinds
    ]
    legend(axes, handles=handles, loc="center left", bbox_to_anchor=(1.0, 0.5))
