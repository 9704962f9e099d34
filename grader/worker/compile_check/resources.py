"""Registers and memory that one thread of a compiled kernel takes.

For NVIDIA GPUs they come from ``ptxas``, which Triton runs anyway to make machine code and which
writes them to its log. Reading that log is exact and costs nothing; ``cuobjdump`` and the driver
know the registers but fold spills and other local memory into one number.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_REGISTERS = re.compile(r"Used (\d+) registers")
_FRAME = re.compile(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads")


@dataclass(frozen=True)
class Resources:
    """What one thread takes.

    Attributes:
        registers: 32-bit registers.
        spills: Bytes stored for lack of registers.
        spill_loads: Bytes loaded again for the same reason.
        stack: Bytes of the stack frame.
    """

    registers: int | None
    spills: int | None
    spill_loads: int | None
    stack: int | None


def from_ptxas_log(log: str) -> Resources:
    """What ``ptxas -v`` says about the only kernel of a module; None where it says nothing."""
    registers, frame = _REGISTERS.search(log), _FRAME.search(log)
    stack, spills, spill_loads = (int(value) for value in frame.groups()) if frame else (None,) * 3
    return Resources(int(registers[1]) if registers else None, spills, spill_loads, stack)
