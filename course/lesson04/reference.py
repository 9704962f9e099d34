"""What the functions of lesson 4 must return, by PyTorch, and the inputs of its tests.

Owns the oracle, its error bounds and models of known mistakes. All of it runs in the judge's
process on CPU tensors, except the baselines and the oracles of the speed tests, which run on the
GPU that the submission runs on.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from grader.protocol.data import Data

LEVELS = 127  # the largest code
LARGE = 8192  # rows, columns and products of the large matrix product
LARGE_PRODUCTS = 2 * LARGE**3  # multiplications and additions
DECODE_OUTPUTS, DECODE_INPUTS = 28_672, 8_192  # a layer of a language model of 70e9 weights
DECODE_BYTES = DECODE_OUTPUTS * (DECODE_INPUTS + 4 + 2) + 2 * DECODE_INPUTS  # w, scale, y; x
GROUP_SIZE = 128  # weights that share a scale in the speed test of 4-bit weights
DECODE_BYTES_4_BIT = DECODE_OUTPUTS * (
    DECODE_INPUTS // 2 + 4 * DECODE_INPUTS // GROUP_SIZE + 2
)  # x is nothing beside it

Rounding = Callable[[torch.Tensor], torch.Tensor]


# ---- quantize_rowwise -------------------------------------------------------------------------


def row_scale(x: torch.Tensor) -> torch.Tensor:
    """The scale of each row, bit for bit: its largest magnitude over 127, 1 for a row of zeros.

    Args:
        x: [n_rows, n_columns], at least one column; fp32, fp16 or bf16.

    Returns:
        fp32 [n_rows].
    """
    return scale_of(x.float().abs().amax(dim=1))


def scale_of(largest: torch.Tensor, levels: int = LEVELS) -> torch.Tensor:
    """The scale that belongs to a largest magnitude; 1 if that is 0.

    Divides tensor by tensor: torch multiplies by the rounded reciprocal of a number on a GPU.
    """
    return torch.where(largest == 0, 1.0, largest / torch.full_like(largest, levels))


def codes(x: torch.Tensor, scale: torch.Tensor, rounding: Rounding = torch.round) -> torch.Tensor:
    """The int8 codes of x, bit for bit: x / scale in fp32, rounded, clamped.

    ``torch.round`` takes ties to the even integer.

    Args:
        x: [n_rows, n_columns]; fp32, fp16 or bf16.
        scale: [n_rows], fp32.
        rounding: How to make integers of the quotients.
    """
    quotients = x.float() / scale[:, None]
    return rounding(quotients).clamp(-LEVELS, LEVELS).to(torch.int8)


def rounded_away(quotients: torch.Tensor) -> torch.Tensor:
    """A mistake: ties are rounded away from zero, as pupils learn it."""
    return quotients.sign() * (quotients.abs() + 0.5).floor()


def rounded_up(quotients: torch.Tensor) -> torch.Tensor:
    """A mistake: ties are rounded up."""
    return (quotients + 0.5).floor()


def codes_by_reciprocal(x: torch.Tensor) -> torch.Tensor:
    """A mistake: x * (127 / largest), which rounds twice, instead of x / scale."""
    largest = x.float().abs().amax(dim=1)
    # A number over a tensor would be its reciprocal times the number: another mistake.
    factor = torch.where(largest == 0, 0.0, torch.full_like(largest, LEVELS) / largest)
    return (x.float() * factor[:, None]).round().clamp(-LEVELS, LEVELS).to(torch.int8)


def scale_without_magnitude(x: torch.Tensor) -> torch.Tensor:
    """A mistake: the largest element of the row, not its largest magnitude."""
    return scale_of(x.float().amax(dim=1))


def scale_of_tensor(x: torch.Tensor) -> torch.Tensor:
    """A mistake: one scale for the whole tensor, repeated for each row."""
    return scale_of(x.float().abs().amax()).expand(x.shape[0]).contiguous()


def near_ties(data: Data, n_rows: int, n_columns: int) -> torch.Tensor:
    """Numbers whose quotients by their row's scale lie on or next to a tie between two integers.

    A division that is off in its last bit, or a product with the rounded reciprocal, takes some of
    them to the wrong side. In the first two rows the scale is a power of two: there the quotients
    are exact ties.

    Args:
        data: Makes the scales and signs.
        n_rows: Number of rows, at least 2.
        n_columns: Number of columns.

    Returns:
        fp32 [n_rows, n_columns].
    """
    scale = data.uniform(0.01, 3.0, n_rows)
    scale[:2] = torch.tensor([0.25, 2.0])
    ties = data.integers(-127, 127, n_rows, n_columns).float() + 0.5
    x = ties * scale[:, None]
    x[:, n_columns // 2] = LEVELS * scale  # the largest magnitude, which gives back the scale
    return x


# ---- matmul_w8a8 ------------------------------------------------------------------------------


def integer_product(a_q: torch.Tensor, b_q: torch.Tensor) -> torch.Tensor:
    """a_q times the transpose of b_q, exact: float64 holds all sums of up to 2^53.

    Args:
        a_q: [M, K], int8.
        b_q: [N, K], int8.

    Returns:
        float64 [M, N].
    """
    return a_q.double() @ b_q.double().T


def matmul_w8a8(
    a_q: torch.Tensor, b_q: torch.Tensor, a_scale: torch.Tensor, b_scale: torch.Tensor
) -> torch.Tensor:
    """The exact scaled product, in float64.

    Args:
        a_q: [M, K], int8.
        b_q: [N, K], int8.
        a_scale: [M], fp32.
        b_scale: [N], fp32.
    """
    return integer_product(a_q, b_q) * a_scale.double()[:, None] * b_scale.double()


def matmul_w8a8_error(expected: torch.Tensor) -> torch.Tensor:
    """How far the scaled fp32 product may lie from the exact one, before its last rounding.

    The sum becomes fp32 and is multiplied twice: three roundings of at most 2^-24 each. A fourth
    is allowed to those who multiply the scales first.
    """
    return 4 * 2.0**-24 * expected.abs()


def wrapped_to_int8(a_q: torch.Tensor, b_q: torch.Tensor) -> torch.Tensor:
    """A mistake: the sums are kept in int8 and wrap around at 128."""
    return (integer_product(a_q, b_q) + 128).remainder(256) - 128


def product_with_columns(a_q: torch.Tensor, b_q: torch.Tensor) -> torch.Tensor:
    """A mistake: the memory of b_q is read as a matrix [K, N]."""
    return a_q.double() @ b_q.reshape(b_q.shape[1], b_q.shape[0]).double()


def int8_matrices(data: Data, M: int, N: int, K: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Two matrices of all int8 values, [M, K] and [N, K]; -128 is among them."""
    a_q = data.integers(-128, 128, M, K, dtype=torch.int8)
    return a_q, data.integers(-128, 128, N, K, dtype=torch.int8)


# ---- linear_w8a16 -----------------------------------------------------------------------------


def linear_w8a16(x: torch.Tensor, w_q: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """The exact product of x with dequantised weights, in float64.

    Args:
        x: [M, K], fp16 or bf16.
        w_q: [N, K], int8.
        scale: [N], fp32.
    """
    return (x.double() @ w_q.double().T) * scale.double()


def linear_w8a16_error(x: torch.Tensor, w_q: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """How far sums in fp32 may lie from the exact product, before the last rounding.

    Each of K additions loses at most 2^-24 of a partial sum, which is no larger than the sum of
    magnitudes. Such errors have random signs, so that they grow with the root of K; four times
    that is far out of their reach, and far below what sums in fp16 lose.
    """
    magnitudes = (x.double().abs() @ w_q.double().abs().T) * scale.double()
    return 4 * math.sqrt(x.shape[1]) * 2.0**-24 * magnitudes


# ---- linear_w4a16 -----------------------------------------------------------------------------


def unpacked(w_packed: torch.Tensor) -> torch.Tensor:
    """The codes 0 ... 15 of packed weights in their order: the low half of a byte comes first.

    Args:
        w_packed: [N, K / 2], uint8.

    Returns:
        uint8 [N, K].
    """
    return torch.stack([w_packed & 15, w_packed >> 4], dim=2).reshape(w_packed.shape[0], -1)


def weights_of(
    codes: torch.Tensor, scale: torch.Tensor, group_size: int, zero: int = 8
) -> torch.Tensor:
    """(code - zero) * scale of its group, in float64.

    Args:
        codes: [N, K], integers.
        scale: [N, K / group_size], fp32.
        group_size: Neighbours in a row that share a scale.
        zero: The code that stands for 0.
    """
    return (codes.double() - zero) * scale.double().repeat_interleave(group_size, dim=1)


def linear_w4a16(
    x: torch.Tensor, w_packed: torch.Tensor, scale: torch.Tensor, group_size: int
) -> torch.Tensor:
    """The exact product of x with dequantised 4-bit weights, in float64.

    Args:
        x: [M, K], fp16 or bf16.
        w_packed: [N, K / 2], uint8, two codes in a byte.
        scale: [N, K / group_size], fp32.
        group_size: Neighbours in a row that share a scale.
    """
    return x.double() @ weights_of(unpacked(w_packed), scale, group_size).T


def linear_w4a16_error(
    x: torch.Tensor, w_packed: torch.Tensor, scale: torch.Tensor, group_size: int
) -> torch.Tensor:
    """As ``linear_w8a16_error``."""
    weights = weights_of(unpacked(w_packed), scale, group_size)
    return 4 * math.sqrt(x.shape[1]) * 2.0**-24 * (x.double().abs() @ weights.abs().T)


def halves_swapped(w_packed: torch.Tensor) -> torch.Tensor:
    """A mistake: the high half of a byte is taken for the first weight."""
    return (w_packed << 4) | (w_packed >> 4)


def signed_codes(w_packed: torch.Tensor) -> torch.Tensor:
    """A mistake: the codes are read as two's complement, -8 ... 7."""
    found = unpacked(w_packed).to(torch.int16)
    return torch.where(found < 8, found, found - 16)


# ---- speed ------------------------------------------------------------------------------------


def fp16_matrices(data: Data) -> tuple[torch.Tensor, torch.Tensor]:
    """Two fp16 matrices of 8192 x 8192 normally distributed numbers."""
    half = torch.float16
    return data.normal(LARGE, LARGE, dtype=half), data.normal(LARGE, LARGE, dtype=half)


def int8_and_scales(data: Data) -> tuple[torch.Tensor, ...]:
    """The same two matrices quantised row by row, with their scales."""
    matrices = fp16_matrices(data)
    scales = [row_scale(matrix) for matrix in matrices]
    quantised = [codes(matrix, scale) for matrix, scale in zip(matrices, scales, strict=True)]
    return (*quantised, *scales)


def fp16_product(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Baseline: what is computed without quantisation, by cuBLAS."""
    return a @ b.T


def int_mm_and_scales(
    a_q: torch.Tensor, b_q: torch.Tensor, a_scale: torch.Tensor, b_scale: torch.Tensor
) -> torch.Tensor:
    """Baseline, and the right result at that size: an exact product, then the scales, in eager."""
    product = torch._int_mm(a_q, b_q.T)
    return (product.float() * a_scale[:, None] * b_scale).to(torch.float16)


def decode_fp16(data: Data) -> tuple[torch.Tensor, torch.Tensor]:
    """One row of activations, and the fp16 weights of a layer."""
    x = data.normal(1, DECODE_INPUTS, dtype=torch.float16)
    return x, data.normal(DECODE_OUTPUTS, DECODE_INPUTS, dtype=torch.float16)


def decode_int8(data: Data) -> tuple[torch.Tensor, ...]:
    """One row of activations, and a layer's weights as int8 with scales."""
    x = data.normal(1, DECODE_INPUTS, dtype=torch.float16)
    shape = (DECODE_OUTPUTS, DECODE_INPUTS)
    w_q = data.integers(-LEVELS, LEVELS + 1, *shape, dtype=torch.int8)
    return x, w_q, data.uniform(0.005, 0.02, DECODE_OUTPUTS)


def fp32_decode(x: torch.Tensor, w_q: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """The right result of ``decode_int8``, by way of fp32 weights."""
    return (torch.mv(w_q.float(), x[0].float()) * scale).to(x.dtype)[None]


def decode_int4(data: Data) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, int]:
    """One row of activations, and a layer's weights of 4 bits with scales of groups."""
    x = data.normal(1, DECODE_INPUTS, dtype=torch.float16)
    shape = (DECODE_OUTPUTS, DECODE_INPUTS // 2)
    w_packed = data.integers(0, 256, *shape, dtype=torch.uint8)
    groups = DECODE_INPUTS // GROUP_SIZE
    return x, w_packed, data.uniform(0.05, 0.2, DECODE_OUTPUTS, groups), GROUP_SIZE


def fp32_decode_int4(
    x: torch.Tensor, w_packed: torch.Tensor, scale: torch.Tensor, group_size: int
) -> torch.Tensor:
    """The right result of ``decode_int4``, by way of fp32 weights."""
    groups = (unpacked(w_packed).float() - 8).view(*scale.shape, group_size)
    return torch.mv((groups * scale[:, :, None]).flatten(1), x[0].float()).to(x.dtype)[None]
