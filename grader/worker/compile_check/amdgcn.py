"""Reads the assembly that Triton writes for AMD GPUs, as ``ptx`` reads PTX.

Registers and spills stand in the metadata at its end, so that no tool is needed for them.
"""

from __future__ import annotations

import re
from collections import Counter

from grader.worker.compile_check.ptx import location
from grader.worker.compile_check.resources import Resources
from grader.worker.compile_check.results import Access

_LOCATION = re.compile(r"\s*\.loc\s.*?;\s*(.*)")
_MEMORY = re.compile(r"\s*(?:global|buffer|flat)_(load|store|atomic)_(\w+)")
_WIDTHS = {
    "byte": 8,
    "ubyte": 8,
    "sbyte": 8,
    "short": 16,
    "ushort": 16,
    "sshort": 16,
    "dword": 32,
    "dwordx2": 64,
    "dwordx3": 96,
    "dwordx4": 128,
}
_SUFFIX_BITS = re.compile(r"[a-z](\d+)$")
_DOUBLE = re.compile(r"\s*v_\w+_f64\b")
_METADATA = re.compile(r"^\s*\.(\w+):\s+(\d+)\s*$", re.MULTILINE)
BYTES_PER_REGISTER = 4


def resources(assembly: str) -> Resources:
    """Registers and spills of the only kernel in the text."""
    found = {name: int(value) for name, value in _METADATA.findall(assembly)}
    spilled = found.get("vgpr_spill_count", 0) * BYTES_PER_REGISTER
    return Resources(
        registers=found["vgpr_count"],
        spills=spilled,
        spill_loads=spilled,
        stack=found.get("private_segment_fixed_size", 0),
    )


def accesses(assembly: str, file_name: str) -> tuple[Access, ...]:
    """All accesses to global memory, together where line, kind and width are the same."""
    counts: Counter[tuple[str, int, int | None]] = Counter()
    line: int | None = None
    for text in assembly.splitlines():
        place = _LOCATION.match(text)
        if place is not None:
            line = location(place[1], file_name) or None
        elif (access := _MEMORY.match(text)) is not None:
            counts[(access[1], _bits(access[2]), line)] += 1
    return tuple(Access(kind, bits, n, line) for (kind, bits, line), n in counts.items())


def instructions(assembly: str) -> dict[str, int]:
    """How many instructions of each notable sort there are; sorts without any are left out."""
    counts: Counter[str] = Counter()
    for text in assembly.splitlines():
        access = _MEMORY.match(text)
        counts["atomic"] += access is not None and access[1] == "atomic"
        counts["mfma"] += text.lstrip().startswith("v_mfma")
        counts["fp64"] += _DOUBLE.match(text) is not None
    return {name: count for name, count in counts.items() if count}


def _bits(suffix: str) -> int:
    for part in suffix.split("_"):
        if part in _WIDTHS:
            return _WIDTHS[part]
    named = _SUFFIX_BITS.search(suffix)
    packed = 2 if suffix.startswith("pk_") else 1
    return packed * int(named[1]) if named else 32
