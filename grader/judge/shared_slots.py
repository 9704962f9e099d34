"""The memory that the judge shares with one worker: a slot for inputs, a slot for results.

A claim of a worker decides how large a slot for results becomes, so the claim is bounded here.
"""

from __future__ import annotations

from pathlib import Path

from grader.protocol.slots import Slot
from grader.results import NO_MEMORY
from grader.testing import defer, fail

# Outputs and changed inputs of all runs together may be this many times the inputs, or this many
# bytes. Two runs of a function with as many outputs as inputs take four times the inputs; an
# outer product of short vectors has more, and stays below the floor. Beyond that a shape is wrong.
LARGEST_FACTOR = 64
LARGEST_FLOOR_BYTES = 256 * 2**20

# Up to this factor a result may be right, and a judge without the memory for it is too small.
_HONEST_FACTOR = 8

# Of the memory that is free the judge takes at most one part in so many for a result: it needs
# as much again for its copy, and others run beside it.
_PARTS = 4

_MEMINFO = Path("/proc/meminfo")


class SharedSlots:
    """The slots that one worker knows, each as large as the largest need so far."""

    def __init__(self) -> None:
        self._slots: dict[str, Slot] = {}

    def slot(self, name: str, nbytes: int) -> tuple[Slot, list[str], list[int]]:
        """A slot that is large enough, and what to send so that the worker has it too.

        Args:
            name: ``"input"`` or ``"output"``.
            nbytes: Bytes that it must hold.
        """
        slot = self._slots.get(name)
        if slot is not None and slot.capacity >= nbytes:
            return slot, [], []
        if slot is not None:
            slot.close()
        made = self._slots[name] = Slot.create(nbytes * 5 // 4, name)
        return made, [name], [made.descriptor]

    def close(self) -> None:
        """Free all slots; a new worker knows none."""
        for slot in self._slots.values():
            slot.close()
        self._slots.clear()


def require_acceptable(nbytes: int, sent_bytes: int) -> None:
    """See that a result of a claimed size can and should be fetched.

    Args:
        nbytes: What the worker says that the results take.
        sent_bytes: What the inputs take.

    Raises:
        Judged: It is larger than any right result, or than this machine can take.
    """
    limit = max(LARGEST_FLOOR_BYTES, LARGEST_FACTOR * sent_bytes)
    free = free_bytes()
    if nbytes <= limit and (free is None or nbytes <= free // _PARTS):
        return
    if nbytes <= max(LARGEST_FLOOR_BYTES, _HONEST_FACTOR * sent_bytes):
        message = "This machine has too little memory to judge this case; use one with more."
        defer(message, NO_MEMORY)
    size = f"{nbytes / 2**20:.0f} MiB, at most {limit / 2**20:.0f} are accepted"
    fail("result-too-large", f"What was returned takes {size}: is its shape right?")


def free_bytes() -> int | None:
    """Memory that the machine could hand out now, ``None`` where it does not say."""
    try:
        lines = _MEMINFO.read_text().splitlines()
        (kib,) = (line.split()[1] for line in lines if line.startswith("MemAvailable:"))
        return int(kib) * 1024
    except (OSError, ValueError, IndexError):
        return None
