"""What a recording holds: launches with their traffic, and faults with their source lines.

Plain data without torch or triton, so that the judge may read it too. How faults are found and
worded is the sanitizer's business.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """Kinds of faults."""

    OUT_OF_BOUNDS = "out-of-bounds"
    WILD_POINTER = "wild-pointer"
    MISALIGNED = "misaligned-access"
    UNINITIALISED = "uninitialised-read"
    WRITE_WRITE_RACE = "write-write-race"
    READ_AFTER_WRITE_RACE = "read-after-write-race"
    WRITE_AFTER_READ_RACE = "write-after-read-race"
    LANE_CONFLICT = "lane-conflict"


@dataclass(frozen=True)
class Finding:
    """One fault: all its occurrences on one source line, on one tensor.

    Attributes:
        kind: What went wrong.
        kernel: Name of the launched kernel.
        file: Path of the source file.
        line: Line of the access, which may lie in a function that the kernel calls.
        source_line: That line's text.
        tensor: Name of the kernel's parameter, None for a wild pointer.
        access: ``load``, ``store`` or ``atomic``.
        masked: The mask of the first faulty access: ``none`` was given, or it was true in
            ``all`` lanes or in ``some``. An atomic without a mask counts as ``all``.
        program: Program id (x, y, z) of the first occurrence.
        other_program: The program on the other side of a race.
        index: Flat element index, counted in memory from the view's first element.
        multi_index: The same as an index along each dimension, outermost first, where it has
            one.
        valid: Which indices are valid, for example ``0..99`` or ``[0..3, 0..99]``.
        lanes: Faulty lanes in the first occurrence.
        count: Occurrences (accesses with at least one faulty lane).
        int32_overflow: The index is a valid one less a multiple of 2**32: an int32 overflow.
        message: The fault in one sentence.
    """

    kind: Kind
    kernel: str
    file: str
    line: int
    source_line: str
    tensor: str | None
    access: str
    masked: str
    program: tuple[int, int, int]
    other_program: tuple[int, int, int] | None
    index: int | None
    multi_index: tuple[int, ...] | None
    valid: str
    lanes: int
    count: int
    int32_overflow: bool
    message: str

    def to_json(self) -> dict[str, Any]:
        """Plain values only."""
        return {**asdict(self), "kind": self.kind.value}


@dataclass(frozen=True)
class TensorTraffic:
    """What one launch read from and wrote to one of its tensor arguments.

    Counts are in elements of the accessed type and hold for lanes that the mask lets through.
    An atomic counts as a store.

    Attributes:
        parameter: Name of the kernel's parameter.
        shape: Shape of the tensor that was passed.
        dtype: Its dtype, as torch names it without ``torch.``.
        loads: Elements loaded, each as often as it was.
        unique_loads: Different elements loaded.
        reads_per_element: ``loads / unique_loads``; 0.0 if nothing was loaded.
        stores: Elements stored, each as often as it was.
        unique_stores: Different elements stored.
        atomics: How many of the stores were atomic.
        bytes_loaded: Bytes of all loads.
        bytes_stored: Bytes of all stores.
        sector_efficiency: The fewest 32-byte sectors that could hold what 32 neighbouring
            lanes ask for, over those that they touch; 1.0 is fully coalesced. Neighbours are
            taken along the axis on which addresses follow each other, as the compiler does;
            a sample of the accesses is counted. None without loads and plain stores.
    """

    parameter: str
    shape: tuple[int, ...]
    dtype: str
    loads: int
    unique_loads: int
    reads_per_element: float
    stores: int
    unique_stores: int
    atomics: int
    bytes_loaded: int
    bytes_stored: int
    sector_efficiency: float | None

    def to_json(self) -> dict[str, Any]:
        """Plain values only."""
        return asdict(self)


@dataclass(frozen=True)
class Launch:
    """One kernel launch.

    Attributes:
        kernel: Name of the kernel.
        grid: Programs along x, y, z.
        programs: Their product.
        tensors: Traffic of each tensor argument, in the order of the parameters.
        rehearsal: A benchmark run of the autotuner, not the launch that gives the result.
    """

    kernel: str
    grid: tuple[int, int, int]
    programs: int
    tensors: tuple[TensorTraffic, ...]
    rehearsal: bool = False

    def to_json(self) -> dict[str, Any]:
        """Plain values only."""
        return asdict(self)


@dataclass
class Recording:
    """All launches of one ``record`` context, and the faults found in them."""

    launches: list[Launch] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
