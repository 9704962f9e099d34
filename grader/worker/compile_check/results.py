"""What compiling one kernel for one target gives: plain data without torch or triton."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from grader.worker.compile_check.occupancy import Occupancy


class ErrorKind(StrEnum):
    """Ways in which a kernel that ran interpreted fails before a GPU could start it."""

    DOES_NOT_COMPILE = "does-not-compile"
    OUT_OF_SHARED_MEMORY = "out-of-shared-memory"
    TOO_MANY_THREADS = "too-many-threads"
    TIMED_OUT = "compile-timeout"
    INTERRUPTED = "compile-interrupted"

    @property
    def says_nothing_about_kernel(self) -> bool:
        """The machine was too slow, or short of memory: no reason to take points away."""
        return self in (ErrorKind.TIMED_OUT, ErrorKind.INTERRUPTED)


@dataclass(frozen=True)
class CompileError:
    """Why a kernel does not compile.

    Attributes:
        kind: What went wrong.
        message: The compiler's own words, without its wrapping; a few lines at most.
        file: Path of the source file.
        line: Line in that file, counted from 1; None if the compiler named none.
        source_line: That line's text.
    """

    kind: ErrorKind
    message: str
    file: str | None = None
    line: int | None = None
    source_line: str | None = None


@dataclass(frozen=True)
class Access:
    """Instructions of one source line that access global memory.

    Attributes:
        kind: ``load``, ``store`` or ``atomic``.
        bits: What one thread moves with one instruction; 128 is the widest on most GPUs.
        count: Such instructions in the machine code, however often they are executed.
        line: Line in the kernel's file; None for code that Triton's library brought in.
    """

    kind: str
    bits: int
    count: int
    line: int | None


@dataclass(frozen=True)
class CompileResult:
    """One specialisation of one kernel, compiled for one target.

    Attributes:
        kernel: Name of the kernel.
        target: Name of the target.
        ok: Compiled, and fits.
        error: Why not.
        arguments: What each parameter was specialised to, for example ``*fp32, 16-byte aligned``.
        configuration: The autotuner's choice, if it made one.
        num_warps: Warps of one block.
        registers: 32-bit registers of one thread.
        spills: Bytes that each thread stores because it has too few registers.
        spill_loads: Bytes that it loads for the same reason.
        stack: Bytes of each thread's stack frame, spills included.
        shared_bytes: Shared memory of one block.
        shared_limit: What the target offers.
        exceeds_shared: The former is more than the latter.
        occupancy: Blocks that a multiprocessor holds; None on AMD.
        load_bits: Width of the loads that move most of the data; None without loads. Counts
            loads from global memory straight to shared memory, but not TMA.
        store_bits: The same of stores.
        accesses: Where all loads, stores and atomics come from.
        instructions: How many of the instructions that matter for speed there are: ``mma``,
            ``wgmma``, ``tcgen05``, ``mfma``, ``cp_async``, ``tma``, ``atomic``, ``fp64``.
        compile_s: Seconds that compiling took when it was done.
        cached: Nothing was compiled this time.
    """

    kernel: str
    target: str
    ok: bool
    error: CompileError | None = None
    arguments: dict[str, str] = field(default_factory=dict)
    configuration: str | None = None
    num_warps: int | None = None
    registers: int | None = None
    spills: int | None = None
    spill_loads: int | None = None
    stack: int | None = None
    shared_bytes: int | None = None
    shared_limit: int | None = None
    exceeds_shared: bool = False
    occupancy: Occupancy | None = None
    load_bits: int | None = None
    store_bits: int | None = None
    accesses: tuple[Access, ...] = ()
    instructions: dict[str, int] = field(default_factory=dict)
    compile_s: float = 0.0
    cached: bool = False

    def to_json(self) -> dict[str, Any]:
        """Plain values only."""
        return asdict(self)
