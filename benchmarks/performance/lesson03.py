"""Lesson 3: softmax of short, wide and long rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import torch

from benchmarks.performance.operation import Implementation, Operation, reference, solution

NARROW = (65_536, 1024)
WIDE = (16_384, 4096)
LONG = (1024, 131_072)
LONGER = (132, 2**20)


def operations() -> Iterator[Operation]:
    """What lesson 3 is measured on."""
    lesson = solution("lesson03")
    fp32, bf16 = torch.float32, torch.bfloat16
    yield _softmax("softmax", NARROW, fp32, lesson.softmax)
    yield _softmax("softmax", WIDE, fp32, lesson.softmax)
    yield _softmax("softmax", WIDE, bf16, lesson.softmax)
    # The in-place functions normalise what they left; the time does not depend on the values.
    yield _softmax("softmax_", WIDE, fp32, lesson.softmax_, compiled=False, public={})
    yield _softmax("softmax_long", LONG, fp32, lesson.softmax_long, passes=3, goal="")
    yield _softmax("softmax_long", LONGER, fp32, lesson.softmax_long, passes=3, goal="")


def _softmax(
    name: str,
    shape: tuple[int, int],
    dtype: torch.dtype,
    ours: Implementation,
    *,
    passes: int = 2,
    goal: str = "≥ 92% of copy",
    compiled: bool = True,
    public: dict[str, Callable[[], Implementation]] | None = None,
) -> Operation:
    """Softmax of the rows of a matrix that passes through memory so many times."""
    kind = "fp32" if dtype == torch.float32 else "bf16"
    return Operation(
        name=name,
        size=f"{shape[0]} x {shape[1]} {kind}",
        inputs=partial(_matrix, shape, dtype),
        ours=ours,
        torch=_torch_softmax,
        compiled=_torch_softmax if compiled else None,
        public=PUBLIC if public is None else public,
        others={"naive eager": reference("lesson03").naive_softmax},
        bytes_moved=passes * shape[0] * shape[1] * dtype.itemsize,
        goal=goal,
        remark=_LONG if passes == 3 else "",
    )


_LONG = "the rate counts two reads of x, though part of the second may come from the cache"


def _matrix(shape: tuple[int, int], dtype: torch.dtype) -> tuple[torch.Tensor]:
    return (torch.randn(*shape, dtype=dtype, device="cuda"),)


def _torch_softmax(x: torch.Tensor) -> torch.Tensor:
    return torch.softmax(x, dim=1)


def _liger() -> Implementation:
    from liger_kernel.ops.softmax import LigerSoftmaxFunction

    apply: Implementation = LigerSoftmaxFunction.apply
    return apply


def _flag_gems() -> Implementation:
    from flag_gems.ops.softmax import softmax

    return partial(_along_rows, softmax)


def _along_rows(softmax: Implementation, x: torch.Tensor) -> torch.Tensor:
    result: torch.Tensor = softmax(x, 1)
    return result


PUBLIC: dict[str, Callable[[], Implementation]] = {
    "liger-kernel": _liger,
    "flag-gems": _flag_gems,
}
