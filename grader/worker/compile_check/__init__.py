"""Compiles for real GPUs, on a machine without one, what was launched interpreted.

Kernels that run interpreted may still not compile: a ``break``, a block of 48 elements, a product
of 8 x 8. So each launch is noted while it runs on CPU tensors, specialised as Triton would have
specialised it for CUDA tensors at the same addresses, compiled for the targets asked for, and
described: errors with the student's line, registers, spills, shared memory, occupancy, the width
of memory accesses, tensor-core instructions.

Knows nothing about lessons, points or the judge, and imports only torch, triton and the standard
library. How the launches are executed is not its business: it wraps whatever ``JITFunction.run``
is at the time. It shares a process with the code that it looks at, so what it reports is
evidence, never proof.

    with capture_launches() as launches:
        module.softmax(x)
    results = compile_launches(launches, ["sm_80", "sm_90"], cache_dir=folder)
"""

from __future__ import annotations

from grader.worker.compile_check.capture import Launch, capture_launches
from grader.worker.compile_check.check import compile_launches
from grader.worker.compile_check.occupancy import Occupancy
from grader.worker.compile_check.results import (
    Access,
    CompileError,
    CompileResult,
    ErrorKind,
)
from grader.worker.compile_check.targets import (
    DEFAULT_TARGETS,
    TARGETS,
    Target,
    UnknownTarget,
    parse_target,
)

__all__ = [
    "DEFAULT_TARGETS",
    "TARGETS",
    "Access",
    "CompileError",
    "CompileResult",
    "ErrorKind",
    "Launch",
    "Occupancy",
    "Target",
    "UnknownTarget",
    "capture_launches",
    "compile_launches",
    "parse_target",
]
