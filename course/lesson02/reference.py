"""What the functions of lesson 2 must return, and the inputs of its tests.

Owns the oracle, its error bounds and models of known mistakes. All of it runs in the judge's
process on CPU tensors, except the baselines, which run where the submission runs.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

if TYPE_CHECKING:
    from grader.protocol.data import Data

LARGE_LENGTH = 2**26  # 256 MiB in fp32: several times the L2 cache of any GPU
ADD_MUL_BYTES = 4 * 4 * LARGE_LENGTH  # read x, y and z, write the result

N_ROWS, N_COLUMNS = 8192, 4096  # tokens and features: 64 MiB in bf16
GELU_BYTES = 2 * (3 * N_ROWS * N_COLUMNS + N_COLUMNS)  # read x, bias and residual, write

BLOCKS = (128, 256, 512, 1024, 2048, 4096, 8192)  # block sizes that kernels are written with


# add_mul


def add_mul(x: torch.Tensor, y: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
    """The product (x + y) * z, bit for bit: two fp32 operations, then one rounding to x's type.

    There is no tolerance because there is no choice: a sum that is then multiplied cannot become
    a fused multiply-add, so every GPU forms the same two fp32 numbers.

    Args:
        x: Any shape; fp32, fp16 or bf16.
        y: Shape and type of x.
        z: Shape and type of x.
    """
    return ((x.float() + y.float()) * z.float()).to(x.dtype)


def add_mul_without_parentheses(x: torch.Tensor, y: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
    """A mistake: x + y * z, in float64."""
    return x.double() + y.double() * z.double()


def add_mul_distributed(x: torch.Tensor, y: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
    """A mistake: x * z + y * z, the same on paper; in float64."""
    return x.double() * z.double() + y.double() * z.double()


def fp32_margin(*operands: torch.Tensor) -> torch.Tensor:
    """How far a mistaken fp32 result may lie from its model, whatever the order of its steps.

    A few roundings of terms that may cancel in the end. Each term is a product of some of the
    operands, so the product of one plus each magnitude exceeds all of them.

    Returns:
        float64, the shape that the operands broadcast to.
    """
    margin = torch.tensor(2.0**-20, dtype=torch.float64)
    for operand in operands:
        margin = margin * (1 + operand.double().abs())
    return margin


def add_mul_rounded_twice(x: torch.Tensor, y: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
    """A mistake: fp16 or bf16 arithmetic, the sum rounded before the product."""
    return ((x.float() + y.float()).to(x.dtype).float() * z.float()).to(x.dtype)


# bias_gelu_residual


def gelu_tanh(v: torch.Tensor) -> torch.Tensor:
    """The tanh form of GELU, from its definition, in float64."""
    v = v.double()
    return 0.5 * v * (1 + torch.tanh(math.sqrt(2 / math.pi) * (v + 0.044715 * v**3)))


def bias_gelu_residual(x: torch.Tensor, bias: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
    """The exact gelu_tanh(x + bias) + residual, in float64.

    Args:
        x: [n_rows, n_columns].
        bias: [n_columns].
        residual: [n_rows, n_columns].
    """
    return gelu_tanh(x.double() + bias.double()) + residual.double()


def bias_gelu_residual_error(expected: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
    """How far fp32 arithmetic may take the result from the exact one, before the last rounding.

    1e-6 (1 + |result| + |residual|). The sum with the bias loses 2^-24 |v|, which gelu, with a
    slope below 1.13, passes on; the formula, in any of its usual forms, loses a few units of
    2^-24 of |v|; the last sum loses half a unit of the result. |v| exceeds 1 + |gelu(v)| only where
    gelu and its slope vanish, and |gelu| <= |result| + |residual|. The erf form of GELU is up to
    4.7e-4 away and lies outside at 85% of normal values in fp32. Rounding sum and activation to
    bf16 or fp16 on the way, as separate operations do, shows at 13% of the elements. Right forms,
    with tanh or with one exponential, use less than 0.2 of the bound.

    Args:
        expected: The exact result.
        residual: What was added last.

    Returns:
        float64, shape of ``expected``; zero where there is no finite number, since infinities and
        NaN are compared exactly.
    """
    bound = 1e-6 * (1 + expected.double().abs() + residual.double().abs())
    return torch.nan_to_num(bound, nan=0.0, posinf=0.0, neginf=0.0)


def with_erf(x: torch.Tensor, bias: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
    """A mistake: the form of GELU with the error function."""
    return F.gelu(x.double() + bias.double()) + residual.double()


def with_quick_gelu(x: torch.Tensor, bias: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
    """A mistake: v * sigmoid(1.702 v), a coarser approximation."""
    v = x.double() + bias.double()
    return v * torch.sigmoid(1.702 * v) + residual.double()


def with_overflowing_tanh(
    x: torch.Tensor, bias: torch.Tensor, residual: torch.Tensor
) -> torch.Tensor:
    """A mistake: tanh(u) as (e^2u - 1) / (e^2u + 1), in fp32, where e^2u becomes infinite."""
    v = x.float() + bias.float()
    power = torch.exp(2 * math.sqrt(2 / math.pi) * (v + 0.044715 * v**3))
    return 0.5 * v * (1 + (power - 1) / (power + 1)) + residual.float()


def with_residual_inside(
    x: torch.Tensor, bias: torch.Tensor, residual: torch.Tensor
) -> torch.Tensor:
    """A mistake: the residual is added before the activation."""
    return gelu_tanh(x.double() + bias.double() + residual.double())


def with_bias_outside(x: torch.Tensor, bias: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
    """A mistake: the bias is added after the activation."""
    return gelu_tanh(x) + bias.double() + residual.double()


def with_bias_by_row(x: torch.Tensor, bias: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
    """A mistake: bias[i] where bias[j] should be; defined for n_rows <= n_columns."""
    return gelu_tanh(x.double() + bias[: x.shape[0], None].double()) + residual.double()


def with_narrow_steps(x: torch.Tensor, bias: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
    """A mistake: sum and activation are rounded to the type of x, as separate operations do."""
    activated = gelu_tanh(x + bias).to(x.dtype)
    return (activated.double() + residual.double()).to(x.dtype)


def with_narrow_sum(x: torch.Tensor, bias: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
    """A mistake: only x + bias is rounded to the type of x."""
    return gelu_tanh(x + bias) + residual.double()


# dropout_scale

_MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
_WEYL = (0x9E3779B9, 0xBB67AE85)
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)


def philox(seed: int, index: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint32]:
    """First word of the random block that Philox4x32-10 gives for each counter.

    Source: J. Salmon, M. Moraes, R. Dror, D. Shaw, Parallel random numbers: as easy as 1, 2, 3,
    SC 2011. ``tl.rand`` uses it with the seed as the key and the offset as the counter.

    Args:
        seed: The key, 0 <= seed < 2^64.
        index: The counters' lower 64 bits; the upper 64 are zero.
    """
    c0, c1 = index & _LOW, index >> _HALF
    c2, c3 = np.zeros_like(c0), np.zeros_like(c0)
    key = [seed & 0xFFFFFFFF, seed >> 32]
    for _ in range(10):
        left, right = c0 * _MULTIPLIERS[0], c2 * _MULTIPLIERS[1]  # 32 by 32 bits give 64
        c0, c1, c2, c3 = (
            (right >> _HALF) ^ c1 ^ np.uint64(key[0]),
            right & _LOW,
            (left >> _HALF) ^ c3 ^ np.uint64(key[1]),
            left & _LOW,
        )
        key = [(part + step) & 0xFFFFFFFF for part, step in zip(key, _WEYL, strict=True)]
    return c0.astype(np.uint32)


def random_numbers(seed: int, index: torch.Tensor) -> torch.Tensor:
    """What ``tl.rand(seed, index)`` gives, bit for bit: fp32 numbers from [0, 1).

    A word counts as a signed integer, a negative one is reflected (x becomes -x - 1), and the
    result is scaled by an fp32 number a little below 2^-31, so that it stays below 1.

    Args:
        seed: 0 <= seed < 2^64.
        index: int64, not negative; any shape.
    """
    words = philox(seed, index.reshape(-1).cpu().numpy().astype(np.uint64)).view(np.int32)
    reflected = np.where(words < 0, -words - 1, words)
    numbers = torch.from_numpy(reflected.astype(np.float32) * np.float32(4.6566127342e-10))
    return numbers.to(index.device).reshape(index.shape)


def kept(x: torch.Tensor, p: float, seed: int) -> torch.Tensor:
    """Which elements of x dropout keeps: those whose random number is at least p."""
    return random_numbers(seed, places(x)) >= as_fp32(p)


def places(x: torch.Tensor) -> torch.Tensor:
    """The index of each element of x in row-major order, int64, in the shape of x."""
    return torch.arange(x.numel()).reshape(x.shape)


def dropout_scale(x: torch.Tensor, p: float, seed: int) -> torch.Tensor:
    """The exact result, in float64.

    Args:
        x: Any shape.
        p: 0 <= p <= 1.
        seed: 0 <= seed < 2^63.
    """
    return chosen(x, p, kept(x, p, seed))


def chosen(x: torch.Tensor, p: float, keep: torch.Tensor) -> torch.Tensor:
    """What dropout makes of x, in float64: x / (1 - p) where ``keep`` is true, 0 elsewhere."""
    scale = 1 / (1 - p) if p < 1 else 0.0
    return torch.where(keep, x.double() * scale, 0.0)


def dropout_scale_error(x: torch.Tensor, p: float) -> torch.Tensor:
    """How far a kept element may lie from the exact one, before its last rounding.

    Two units in the last place of fp32, for the factor 1 / (1 - p) and the product, and what it
    makes of 1 - p that p itself is an fp32 number: a relative 2^-24 p / (1 - p). A dropped element
    is exactly 0, which no error of this size can be mistaken for.

    Returns:
        float64, shape of x; zero where x is no finite number.
    """
    relative = 2.0**-22 + 2.0**-24 * p / (1 - p) if p < 1 else 0.0
    bound = relative * chosen(x, p, torch.ones_like(x, dtype=torch.bool)).abs()
    return torch.nan_to_num(bound, nan=0.0, posinf=0.0, neginf=0.0)


def as_fp32(p: float) -> float:
    """The fp32 number nearest to ``p``, which is what a kernel receives."""
    return torch.tensor(p, dtype=torch.float32).item()


def dropout_one_number_a_block(x: torch.Tensor, p: float, seed: int, block: int) -> torch.Tensor:
    """A mistake: the program id is the offset, so that a block is kept or dropped as a whole."""
    return chosen(x, p, random_numbers(seed, places(x) // block) >= as_fp32(p))


def dropout_same_in_each_block(x: torch.Tensor, p: float, seed: int, block: int) -> torch.Tensor:
    """A mistake: the offset counts from the start of the block, so that all blocks are alike."""
    return chosen(x, p, random_numbers(seed, places(x) % block) >= as_fp32(p))


def dropout_seed_of_each_block(x: torch.Tensor, p: float, seed: int, block: int) -> torch.Tensor:
    """A mistake: seed + program id as the seed, and an offset from the start of the block."""
    sizes = [min(block, x.numel() - start) for start in range(0, x.numel(), block)]
    numbers = [random_numbers(seed + n, torch.arange(size)) for n, size in enumerate(sizes)]
    return chosen(x, p, torch.cat(numbers).reshape(x.shape) >= as_fp32(p))


# Speed: baselines, and makers of one set of arguments


def eager_add_mul(x: torch.Tensor, y: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
    """Baseline: two operations, 24 bytes an element in fp32."""
    return (x + y) * z


def eager_bias_gelu_residual(
    x: torch.Tensor, bias: torch.Tensor, residual: torch.Tensor
) -> torch.Tensor:
    """Baseline: three operations, 14 bytes an element in bf16."""
    return F.gelu(x + bias, approximate="tanh") + residual


def large_vectors(data: Data) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Three fp32 vectors of 2^26 elements."""
    return data.normal(LARGE_LENGTH), data.normal(LARGE_LENGTH), data.normal(LARGE_LENGTH)


def large_layer(data: Data) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """x, bias and residual of 8192 tokens with 4096 features, in bf16."""
    x = data.normal(N_ROWS, N_COLUMNS, dtype=torch.bfloat16)
    bias = data.normal(N_COLUMNS, dtype=torch.bfloat16)
    return x, bias, data.normal(N_ROWS, N_COLUMNS, dtype=torch.bfloat16)
