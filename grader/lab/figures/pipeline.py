"""Loads and products of a loop over time: what buffers in shared memory are good for."""

from __future__ import annotations

from grader.lab.style import AMBER, BLUE, INK, PAPER, Picture, legend

Span = tuple[float, float]


def schedule(steps: int, stages: int, latency: float, work: float) -> list[tuple[Span, Span]]:
    """When each step of a loop is loaded and when it is computed.

    A tile is loaded into one of ``stages`` buffers, as soon as the step that used the buffer
    before is computed. Any number of loads may be under way; computing is one step at a time.

    Args:
        steps: Steps of the loop.
        stages: Buffers.
        latency: From asking for a step's tiles to their arrival.
        work: Time to multiply them.

    Returns:
        Begin and end of the load and of the product, a pair for each step.
    """
    found: list[tuple[Span, Span]] = []
    for step in range(steps):
        free = found[step - stages][1][1] if step >= stages else 0.0
        arrived = free + latency
        begin = max(arrived, found[-1][1][1]) if found else arrived
        found.append(((free, arrived), (begin, begin + work)))
    return found


def pipeline(stages: int, steps: int = 8, latency: float = 3.0, work: float = 1.0) -> Picture:
    """A loop over K with so many stages, drawn over time; see ``schedule``."""
    spans = schedule(steps, stages, latency, work)
    total = spans[-1][1][1]
    busy = steps * work / total
    made = Picture(9, 1.5 + 0.34 * stages, f"Loads and products over time with {stages} stages")
    axes = made.panel()
    for step, ((asked, arrived), (begin, end)) in enumerate(spans):
        row = step % stages
        load, product = ("", "") if step else ("loading", "multiplying")
        axes.barh(
            [row], [arrived - asked], 0.7, asked, color=AMBER, hatch="///", edgecolor=PAPER,
            label=load,
        )  # fmt: skip
        axes.barh([row], [end - begin], 0.7, begin, color=BLUE, edgecolor=PAPER, label=product)
        axes.text((begin + end) / 2, row, str(step), ha="center", va="center", color=PAPER)
    serial = steps * (latency + work)
    axes.axvline(total, color=INK, ls="--", lw=1.2)
    axes.set_xlim(0, serial * 1.02)
    axes.set_yticks(range(stages), [f"buffer {row}" for row in range(stages)])
    axes.invert_yaxis()
    axes.grid(False, axis="y")
    axes.set_xlabel(f"time (a product takes {work:g}, a load {latency:g})")
    title = f"num_stages = {stages}: {steps} steps in {total:g}, tensor cores busy {busy:.0%}"
    axes.set_title(title, loc="left")
    legend(axes, loc="lower right")
    return made
