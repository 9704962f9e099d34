"""From the facts of a compilation to its result: does the kernel fit the GPU?

Owns the limits that the compiler does not check, since they belong to the launch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from grader.worker.compile_check.capture import Launch
from grader.worker.compile_check.compilation import Facts
from grader.worker.compile_check.errors import at_launch
from grader.worker.compile_check.occupancy import occupancy
from grader.worker.compile_check.results import Access, CompileError, CompileResult, ErrorKind
from grader.worker.compile_check.targets import Target

# CUDA and HIP alike.
MOST_THREADS = 1024


def judged(launch: Launch, target: Target, facts: Facts) -> CompileResult:
    """The result that facts give for a launch on a target."""
    result = CompileResult(
        kernel=launch.function.__name__,
        target=target.name,
        ok=True,
        configuration=launch.configuration,
        shared_limit=target.shared_limit,
        compile_s=facts.get("seconds", 0.0),
    )
    if "error" in facts:
        error = {**facts["error"], "kind": ErrorKind(facts["error"]["kind"])}
        return replace(result, ok=False, error=CompileError(**error))
    if "num_warps" not in facts:  # only the frontend was asked
        return result
    return _with_limits(_with_resources(result, target, facts), launch, target)


def _with_resources(result: CompileResult, target: Target, facts: Facts) -> CompileResult:
    accesses = tuple(Access(**access) for access in facts["accesses"])
    exceeds = facts["shared_bytes"] > target.shared_limit
    return replace(
        result,
        accesses=accesses,
        load_bits=_width(accesses, "load"),
        store_bits=_width(accesses, "store"),
        exceeds_shared=exceeds,
        occupancy=None if exceeds else _occupancy(target, facts),
        **{name: facts[name] for name in _COPIED},
    )


_COPIED = (
    "registers",
    "spills",
    "spill_loads",
    "stack",
    "shared_bytes",
    "num_warps",
    "instructions",
)


def _occupancy(target: Target, facts: Facts) -> Any:
    if target.multiprocessor is None or facts["registers"] is None:
        return None
    return occupancy(
        target.multiprocessor,
        warps=facts["num_warps"],
        registers=facts["registers"],
        shared_bytes=facts["shared_bytes"],
    )


def _with_limits(result: CompileResult, launch: Launch, target: Target) -> CompileResult:
    threads = (result.num_warps or 0) * target.gpu.warp_size
    if result.exceeds_shared:
        kind = ErrorKind.OUT_OF_SHARED_MEMORY
        message = (
            f"needs {result.shared_bytes:,} bytes of shared memory for each block, {target.name} "
            f"has {target.shared_limit:,}: smaller blocks or a smaller num_stages need less"
        )
    elif threads > MOST_THREADS:
        kind = ErrorKind.TOO_MANY_THREADS
        message = (
            f"num_warps={result.num_warps} makes {threads:,} threads in each block, "
            f"{MOST_THREADS:,} are possible"
        )
    else:
        return result
    return replace(result, ok=False, error=at_launch(kind, message, launch.site))


def _width(accesses: Iterable[Access], kind: str) -> int | None:
    """The width that moves most bits; the wider one if two move the same."""
    moved: Counter[int] = Counter()
    for access in accesses:
        if access.kind == kind:
            moved[access.bits] += access.bits * access.count
    return max(moved, key=lambda bits: (moved[bits], bits)) if moved else None
