"""Triton kernels on the CPU: executed in Python, told the truth about, watched.

Owns everything that makes a machine without a GPU a place to learn on: rerouting ``@triton.jit``
functions to Triton's interpreter, repairs where that interpreter differs from a GPU, and a
sanitizer that finds out-of-bounds accesses, races and reads of memory that nobody wrote, each
with its source line, and that counts the bytes each tensor costs.

Knows nothing about lessons, points or the judge, and imports only torch, triton, numpy and the
standard library. It shares a process with the code that it watches, so what it reports is
evidence, never proof.
"""

from __future__ import annotations

from grader.worker.interpreter.api import (
    install,
    mark_initialised,
    mark_uninitialised,
    record,
    self_test,
    tracked_allocations,
)
from grader.worker.interpreter.findings import Finding, Kind, Launch, Recording, TensorTraffic
from grader.worker.interpreter.selftest_results import RepairCheck

__all__ = [
    "Finding",
    "Kind",
    "Launch",
    "Recording",
    "RepairCheck",
    "TensorTraffic",
    "install",
    "mark_initialised",
    "mark_uninitialised",
    "record",
    "self_test",
    "tracked_allocations",
]
