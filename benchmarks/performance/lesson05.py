"""Lesson 5: matrix multiplication."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

import torch

from benchmarks.performance.operation import Implementation, Operation, reference, solution

POINTERS = (
    "The goal of 1.0 x cuBLAS is matmul_persistent's. Loads through pointers reach it at 8192 and "
    "0.96 to 0.99 at 4096. Tried: tiles from 64 x 64 to 256 x 128, steps of 32 to 128, 2 to 4 "
    "stages, groups of 1 to 32, wrapped indices instead of masks (1 to 2% slower), a second loop "
    "without masks (its buffers do not fit beside the first one's), and a persistent loop over "
    "pointers (three times slower)."
)


def operations() -> Iterator[Operation]:
    """What lesson 5 is measured on."""
    lesson = solution("lesson05")
    for n in (4096, 8192):
        yield _grouped(lesson, n)
        yield _persistent(lesson, n)


def _grouped(lesson: ModuleType, n: int) -> Operation:
    return Operation(
        name="matmul_grouped",
        size=f"{n}^3 fp16",
        inputs=lambda: (_matrix(n, n), _matrix(n, n)),
        ours=lesson.matmul_grouped,
        torch=torch.matmul,
        public={"flag-gems": _flag_gems_matmul},
        others={"matmul": lesson.matmul},
        flops=2 * n**3,
        goal="≥ 0.90 × cuBLAS" if n == 4096 else "≥ 0.93 × cuBLAS",
        remark=POINTERS,
    )


def _persistent(lesson: ModuleType, n: int) -> Operation:
    return Operation(
        name="matmul_persistent",
        size=f"{n}^3 fp16",
        inputs=lambda: (_matrix(n, n), _matrix(n, n)),
        ours=lesson.matmul_persistent,
        torch=reference("lesson05").torch_matmul_transposed,
        flops=2 * n**3,
        goal="≥ 1.0 × cuBLAS",
    )


def _flag_gems_matmul() -> Implementation:
    from flag_gems import ops

    mm: Implementation = ops.mm
    return mm


def _matrix(rows: int, columns: int) -> torch.Tensor:
    return torch.randn(rows, columns, device="cuda", dtype=torch.float16)
