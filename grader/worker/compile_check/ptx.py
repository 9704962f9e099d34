"""Reads PTX, the assembly that Triton writes for NVIDIA GPUs, for what decides a kernel's speed.

Counts instructions as they stand in the text, not how often they run: one inside a loop counts
once. Sizes follow the instruction set's manual: ``ld.global.v4.b32`` moves 4 x 32 bits a thread.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from grader.worker.compile_check.results import Access

# An instruction, behind the predicate that may switch it off: ``@%p1 ld.global.b32 {%r1}, ...``.
_INSTRUCTION = re.compile(r"\s*(?:@!?%\w+\s+)?([a-z][a-z0-9_]*\.[\w.:]*)")
# ``.loc 1 12 3 // sub.py:12:3`` or, inlined, ``// standard.py:43:17 @[ sub.py:12:38 ]``.
_LOCATION = re.compile(r"\s*\.loc\s.*?(?://|;)\s*(.*)")
_PLACE = re.compile(r"([^\s\[\]:]+):(\d+):\d+")
_ASYNC_COPY_BYTES = re.compile(r"\]\s*,\s*\[[^\]]*\]\s*,\s*(0x[0-9a-f]+|\d+)")
_TYPE = re.compile(r"[bsuf](\d+)(?:x2)?")
_VECTOR = re.compile(r"v([248])")

_COUNTED = {
    "mma": "mma.sync.",
    "wgmma": "wgmma.mma_async.",
    "tcgen05": "tcgen05.mma.",
    "tma": "cp.async.bulk.tensor.",
}


def accesses(ptx: str, file_name: str) -> tuple[Access, ...]:
    """All accesses to global memory, together where line, kind and width are the same.

    Args:
        ptx: Text of the module.
        file_name: Name, without folders, of the file whose lines are asked for.
    """
    counts: Counter[tuple[str, int, int | None]] = Counter()
    for opcode, text, line in _instructions(ptx, file_name):
        found = _access(opcode, text)
        if found is not None:
            counts[(*found, line)] += 1
    return tuple(Access(kind, bits, n, line) for (kind, bits, line), n in counts.items())


def instructions(ptx: str) -> dict[str, int]:
    """How many instructions of each notable sort there are; sorts without any are left out."""
    counts: Counter[str] = Counter()
    for opcode, _, _ in _instructions(ptx, ""):
        parts = opcode.split(".")
        for name, prefix in _COUNTED.items():
            counts[name] += opcode.startswith(prefix)
        counts["cp_async"] += parts[:2] == ["cp", "async"] and parts[2] in ("ca", "cg")
        counts["atomic"] += parts[0] in ("atom", "red") and "global" in parts
        counts["fp64"] += "f64" in parts and parts[0] not in ("ld", "st", "mov")
    return {name: count for name, count in counts.items() if count}


def location(text: str, file_name: str) -> int | None:
    """The innermost line of the file in a location's comment, None if it names other files."""
    places = _PLACE.findall(text)
    return next((int(line) for name, line in places if name == file_name), None)


def _instructions(ptx: str, file_name: str) -> Iterator[tuple[str, str, int | None]]:
    line: int | None = None
    for text in ptx.splitlines():
        place = _LOCATION.match(text)
        if place is not None:
            line = location(place[1], file_name) or None  # line 0: the compiler's own
        elif (instruction := _INSTRUCTION.match(text)) is not None:
            yield instruction[1], text, line


def _access(opcode: str, text: str) -> tuple[str, int] | None:
    parts = opcode.split(".")
    if opcode.startswith(("cp.async.ca.", "cp.async.cg.")):
        size = _ASYNC_COPY_BYTES.search(text)
        return ("load", int(size[1], 0) * 8) if size else None
    kind = {"ld": "load", "ldu": "load", "st": "store", "atom": "atomic", "red": "atomic"}.get(
        parts[0]
    )
    if kind is None or "global" not in parts:
        return None
    lanes = next((int(found[1]) for part in parts if (found := _VECTOR.fullmatch(part))), 1)
    return kind, lanes * _type_bits(parts[-1])


def _type_bits(name: str) -> int:
    if name in ("f16x2", "bf16x2"):
        return 32
    found = _TYPE.fullmatch(name.removeprefix("b") if name.startswith("bf") else name)
    return int(found[1]) if found else 0
