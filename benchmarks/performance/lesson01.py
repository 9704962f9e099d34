"""Lesson 1: elementwise operations."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from benchmarks.performance.operation import Operation, solution

LENGTH = 2**26


def operations() -> Iterator[Operation]:
    """What lesson 1 is measured on."""
    lesson = solution("lesson01")
    yield Operation(
        name="add",
        size="2^26 fp32",
        inputs=lambda: (torch.randn(LENGTH, device="cuda"), torch.randn(LENGTH, device="cuda")),
        ours=lesson.add,
        torch=torch.add,
        compiled=torch.add,
        bytes_moved=3 * 4 * LENGTH,
        goal="≥ 92% of copy",
    )
