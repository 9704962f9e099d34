"""The accesses of one program in their order: how often, and in which direction, it walks a row."""

from __future__ import annotations

from matplotlib.lines import Line2D

from grader.lab.seen import Seen
from grader.lab.seen_plot import note
from grader.lab.style import AMBER, BLUE, ORANGE, PAPER, Picture, legend

_LOOK = {"load": (BLUE, ""), "store": (AMBER, "///"), "atomic": (ORANGE, "xxx")}


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
        9, 1.5 + 0.16 * min(len(own), 24), f"Accesses of {trace.kernel}, one after the other"
    )
    axes = made.panel()
    for step, access in enumerate(own, start=1):
        first, last = int(access.elements.min()), int(access.elements.max())
        colour, hatch = _LOOK[access.kind]
        axes.barh(
            [step], [last + 1 - first], 0.8, first, color=colour, hatch=hatch, edgecolor=PAPER
        )
    axes.invert_yaxis()
    axes.set_xlabel("element, counted from the tensor's first")
    axes.set_ylabel("access")
    axes.set_title(f"{trace.kernel}, program {program}: {len(own)} accesses", loc="left")
    kinds = dict.fromkeys((access.parameter, access.kind) for access in own)
    handles = [
        Line2D([], [], color=_LOOK[kind][0], lw=6, label=f"{kind} {name}") for name, kind in kinds
    ]
    legend(axes, handles=handles, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return made
