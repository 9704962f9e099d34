"""What the functions of lesson 1 must return, by PyTorch, and the inputs of its tests.

Owns the oracle, its error bounds and models of known mistakes. All of it runs in the judge's
process on CPU tensors, except the baselines, which run where the submission runs.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from grader.protocol.data import Data

LARGE_LENGTH = 2**26  # 256 MiB in fp32: several times the L2 cache of any GPU
LARGE_BYTES = 3 * 4 * LARGE_LENGTH  # read x, read y, write z


def add(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The sum x + y, bit for bit: formed in fp32, rounded once to the type of x.

    A GPU that adds fp16 or bf16 directly gives the same bits: fp32 has more than twice their
    precision, so rounding twice never differs from rounding once.

    Args:
        x: Any shape; fp32, fp16 or bf16.
        y: A shape that broadcasts to that of x; type of x.
    """
    return (x.float() + y.float()).to(x.dtype)


def saxpy(a: float, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The exact a * x + y, in float64, with ``a`` as the fp32 number that a kernel receives.

    Args:
        a: The factor.
        x: Any shape; fp32, fp16 or bf16.
        y: Shape and type of x.
    """
    return as_fp32(a) * x.double() + y.double()


def saxpy_error(a: float, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """How far an fp32 ``a * x + y`` may lie from the exact one, before its last rounding.

    Two roundings of at most 2^-24 each, of the product and of the sum, make no more than
    2^-23 (|a x| + |y|); a fused multiply-add stays within it too. Zero where the exact value is
    no finite number: infinities and NaN are compared exactly.

    Returns:
        float64, shape of x.
    """
    bound = 2.0**-23 * ((as_fp32(a) * x.double()).abs() + y.double().abs())
    return torch.nan_to_num(bound, nan=0.0, posinf=0.0, neginf=0.0)


def as_fp32(a: float) -> float:
    """The fp32 number nearest to ``a``."""
    return torch.tensor(a, dtype=torch.float32).item()


def special_pairs(dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    """Every pair of values at which floating-point addition does something special.

    Signed zeros, infinities, NaN, the largest number (whose double overflows) and the smallest
    normal one.

    Returns:
        x and y, 81 elements each.
    """
    largest, smallest = torch.finfo(dtype).max, torch.finfo(dtype).tiny
    values = (0.0, -0.0, 1.0, math.inf, -math.inf, math.nan, largest, -largest, smallest)
    x, y = zip(*itertools.product(values, values), strict=True)
    return torch.tensor(x, dtype=dtype), torch.tensor(y, dtype=dtype)


def saxpy_truncated(a: float, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """A mistake: ``a`` became an integer on its way to the kernel."""
    return saxpy(float(math.trunc(a)), x, y).to(x.dtype)


def saxpy_rounded_twice(a: float, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """A mistake: fp16 or bf16 arithmetic, the product rounded before the sum."""
    narrow = torch.tensor(a, dtype=x.dtype).item()
    return ((narrow * x.float()).to(x.dtype).float() + y.float()).to(x.dtype)


def saxpy_narrow_factor(a: float, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """A mistake: fp16 or bf16 arithmetic again, where the compiler fused product and sum."""
    narrow = torch.tensor(a, dtype=x.dtype).item()
    return (narrow * x.float() + y.float()).to(x.dtype)


def add_rows_by_row_index(x: torch.Tensor, row: torch.Tensor) -> torch.Tensor:
    """A mistake: row[i] is added where row[j] should be; defined for n_rows <= n_columns."""
    return add(x, row[: x.shape[0], None])


def torch_add(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Baseline of the speed test."""
    return torch.add(x, y)


def large_vectors(data: Data) -> tuple[torch.Tensor, torch.Tensor]:
    """Two fp32 vectors of 2^26 elements."""
    return data.normal(LARGE_LENGTH), data.normal(LARGE_LENGTH)
