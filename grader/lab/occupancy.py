"""How many programs an SM holds at once, and which of its resources is used up first."""

from __future__ import annotations

from dataclasses import dataclass

from grader.lab.machine import machine
from grader.lab.style import BLUE, GRID, INK, ORANGE, Picture, legend

# CUDA C++ Programming Guide, table "Technical Specifications per Compute Capability".
_MOST_BLOCKS = {"8.6": 16, "8.7": 16, "8.9": 24, "7.5": 16}
_USUAL_MOST_BLOCKS = 32
_REGISTERS_IN_STEPS_OF = 256  # of a warp
_SHARED_KEPT_BY_SYSTEM = 1024  # bytes a block, from compute capability 8.0 on


@dataclass(frozen=True)
class Occupancy:
    """What fits on one SM.

    Attributes:
        programs: Programs at once.
        threads: Their threads.
        share: Of the threads that an SM can hold.
        limits: Programs that each resource alone would allow.
    """

    programs: int
    threads: int
    share: float
    limits: dict[str, int]

    @property
    def limit(self) -> str:
        """The resource that is used up first."""
        return min(self.limits, key=lambda name: self.limits[name])


def occupancy(*, warps: int = 4, registers: int = 32, shared: int = 0) -> Occupancy:
    """What fits on one SM of ``lab.machine()``.

    Args:
        warps: Warps of a program (``num_warps``).
        registers: Registers of a thread, as ``kernel.n_regs`` says.
        shared: Bytes of shared memory of a program, as ``kernel.metadata.shared`` says.
    """
    found = machine()
    threads = warps * found.warp
    step = _REGISTERS_IN_STEPS_OF
    own = -(-registers * found.warp // step) * step * warps
    limits = {
        "threads": found.threads // threads,
        "registers": found.registers // own if own else found.threads,
        "shared memory": found.shared_bytes // (shared + _SHARED_KEPT_BY_SYSTEM),
        "programs per SM": _MOST_BLOCKS.get(found.capability, _USUAL_MOST_BLOCKS),
    }
    programs = min(limits.values())
    return Occupancy(programs, programs * threads, programs * threads / found.threads, limits)


def occupancy_plot(*, warps: int = 4, registers: int = 32, shared: int = 0) -> Picture:
    """Programs that each resource of an SM allows; the fewest decide."""
    found = occupancy(warps=warps, registers=registers, shared=shared)
    title = (
        f"{found.programs} programs an SM, {found.threads} threads: {found.share:.0%} of all; "
        f"limited by {found.limit}"
    )
    made = Picture(9, 2.8, title)
    axes = made.panel()
    names = list(found.limits)
    colours = [ORANGE if name == found.limit else BLUE for name in names]
    bars = axes.barh(names, list(found.limits.values()), color=colours, edgecolor=INK, lw=0.5)
    for bar, name in zip(bars, names, strict=True):
        bar.set_hatch("///" if name == found.limit else "")
        axes.text(
            bar.get_width(), bar.get_y() + 0.4, f" {found.limits[name]}", va="center", fontsize=9
        )
    axes.axvline(found.programs, color=INK, ls="--", lw=1.2, label="programs at once")
    axes.grid(True, axis="y", color=GRID, lw=0)
    axes.invert_yaxis()
    axes.set_xlabel("programs on one SM")
    axes.set_title(f"{machine().label}: {title}", loc="left", fontsize=9)
    legend(axes, loc="upper right")
    return made
