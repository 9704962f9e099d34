"""What the functions of lesson 3 must return, by PyTorch, and the inputs of its tests.

Owns the oracle, its error bounds and models of known mistakes. All of it runs in the judge's
process on CPU tensors, except the baselines, which run where the submission runs.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from grader.protocol.data import Data

NARROW = (65_536, 1024)  # speed sizes, each of them 2^26 elements
WIDE = (16_384, 4096)
FP32_BYTES = 2 * 4 * 2**26  # read x, write y
BF16_BYTES = 2 * 2 * 2**26


def softmax(x: torch.Tensor) -> torch.Tensor:
    """The exact softmax of each row, in float64.

    A row is NaN throughout if all of it is -inf, or if it holds +inf or NaN.

    Args:
        x: [n_rows, n_columns]; fp32, fp16 or bf16.
    """
    return torch.softmax(x.double(), dim=1)


def softmax_error(x: torch.Tensor) -> torch.Tensor:
    """How far an fp32 softmax may lie from the exact one, before its last rounding.

    Relative, 3e-5. The smallest exponential that fp32 can hold is exp(-103). The difference of
    an element and its maximum, up to 103, is rounded; so is its product with log2(e), up to 149,
    since a GPU computes exp(t) as 2^(t log2(e)): 6e-6 each, and 6e-6 more if that constant has
    only fp32's bits. Rescaling adds nothing new, as the exponents of all steps add up to the same
    difference. A sum of 2^20 terms, 256 blocks after a tree in each, may lose 268 * 2^-24 = 1.6e-5
    if all roundings go the same way. Absolute, 1e-9 in fp32: what underflows to 0 is right.

    Returns:
        float64, shape of x.
    """
    absolute = 1e-9 if x.dtype == torch.float32 else 0.0
    return torch.nan_to_num(3e-5 * softmax(x) + absolute, nan=0.0)


def special_rows(n_columns: int) -> torch.Tensor:
    """Rows with infinities and NaN, each of which softmax treats in a way of its own.

    Args:
        n_columns: At least 4.

    Returns:
        fp32 [8, n_columns]. Row 0 begins with a long run of -inf, row 1 is -inf throughout, row 2
        has -inf at every other place, row 3 everywhere but at the end, row 4 behind its first
        third; row 5 holds one +inf, row 6 one NaN, row 7 one NaN among -inf.
    """
    x = torch.linspace(-3.0, 3.0, n_columns).repeat(8, 1)
    x[0, : 2 * n_columns // 3] = -math.inf
    x[1] = -math.inf
    x[2, ::2] = -math.inf
    x[3, :-1] = -math.inf
    x[4, n_columns // 3 :] = -math.inf
    x[5, n_columns // 2] = math.inf
    x[6, n_columns // 2] = math.nan
    x[7] = -math.inf
    x[7, n_columns // 2] = math.nan
    return x


def slopes(n_columns: int) -> torch.Tensor:
    """Long rows whose maximum comes early, late, or again and again.

    Returns:
        fp32 [4, n_columns]. Row 0 rises by 30 from start to end, so that each block has a new
        maximum; row 1 falls by 200, more than exp can span; row 2 has its maximum in the middle;
        row 3 is flat.
    """
    place = torch.linspace(0.0, 1.0, n_columns)
    rising, falling = 30 * place, 200 * (1 - place)
    peak = 10 - 20 * (place - 0.5).abs()
    return torch.stack([rising, falling, peak, torch.full_like(place, 0.25)])


def padded(x: torch.Tensor, width: int) -> torch.Tensor:
    """A mistake: lanes behind the end of the row, up to some width, hold 0 and count.

    Args:
        x: [n_rows, n_columns].
        width: Elements of all blocks of a row together.
    """
    rows = torch.nn.functional.pad(x.float(), (0, width - x.shape[1]))
    return torch.softmax(rows, dim=1)[:, : x.shape[1]]


def padded_maximum(x: torch.Tensor) -> torch.Tensor:
    """A mistake: lanes of 0 enter the maximum, though not the sum."""
    exponentials = torch.exp(x.float() - _maximum(x).clamp_min(0.0))
    return exponentials / exponentials.sum(dim=1, keepdim=True)


def without_maximum(x: torch.Tensor) -> torch.Tensor:
    """A mistake: exp(x) / sum of exp(x), which overflows and underflows."""
    exponentials = torch.exp(x.float())
    return exponentials / exponentials.sum(dim=1, keepdim=True)


def common_maximum(x: torch.Tensor, height: int) -> torch.Tensor:
    """A mistake: one maximum for all rows of a tile, which leaves its lower rows underflown."""
    tiles = [torch.exp(tile - tile.max()) for tile in x.float().split(height)]
    return torch.cat([tile / tile.sum(dim=1, keepdim=True) for tile in tiles])


def down_the_columns(x: torch.Tensor, height: int) -> torch.Tensor:
    """A mistake: maximum and sum along axis 0 of a tile of some height."""
    return torch.cat([torch.softmax(tile.double(), dim=0) for tile in x.split(height)])


def all_minus_inf_as(x: torch.Tensor, value: float) -> torch.Tensor:
    """A mistake: a row without any finite entry comes out as this value, not as NaN."""
    return softmax(x).masked_fill(_maximum(x) == -math.inf, value)


def nan_swallowed(x: torch.Tensor) -> torch.Tensor:
    """A mistake: NaN counts as -inf."""
    return softmax(x.masked_fill(x.isnan(), -math.inf))


def sum_not_rescaled(x: torch.Tensor, block: int) -> torch.Tensor:
    """A mistake: the online softmax whose sum does not follow when the maximum grows."""
    parts = _in_blocks(x, block)
    seen = parts.amax(dim=2, keepdim=True).cummax(dim=1).values
    return _quotient(x, seen[:, -1], torch.exp(parts - seen).sum(dim=(1, 2)))


def last_maximum(x: torch.Tensor, block: int) -> torch.Tensor:
    """A mistake: the online softmax whose maximum is that of the last block, be it a small one."""
    parts = _in_blocks(x, block)
    last = parts[:, -1].amax(dim=1, keepdim=True)
    return _quotient(x, last, torch.exp(parts - last[:, None]).sum(dim=(1, 2)))


def maximum_of_each_block(x: torch.Tensor, block: int) -> torch.Tensor:
    """A mistake: exponentials relative to their own block's maximum, divided by one sum."""
    parts = _in_blocks(x, block)
    exponentials = torch.exp(parts - parts.amax(dim=2, keepdim=True)).flatten(1)
    return (exponentials / exponentials.sum(dim=1, keepdim=True))[:, : x.shape[1]]


def each_block_by_itself(x: torch.Tensor, block: int) -> torch.Tensor:
    """A mistake: a softmax of each block."""
    return torch.softmax(_in_blocks(x, block), dim=2).flatten(1)[:, : x.shape[1]]


def nan_from_empty_block(x: torch.Tensor, block: int) -> torch.Tensor:
    """A mistake: rows whose first block is -inf throughout come out as NaN."""
    return softmax(x).masked_fill(_maximum(x[:, :block]) == -math.inf, math.nan)


def _in_blocks(x: torch.Tensor, block: int) -> torch.Tensor:
    """The rows in fp32 cut into blocks, the last one filled up: [n_rows, n_blocks, block]."""
    rows = torch.nn.functional.pad(x.float(), (0, -x.shape[1] % block), value=-math.inf)
    return rows.unflatten(1, (-1, block))


def _quotient(x: torch.Tensor, row_max: torch.Tensor, row_sum: torch.Tensor) -> torch.Tensor:
    """What a second walk makes of a maximum [n_rows, 1] and a sum [n_rows]."""
    return torch.exp(x.float() - row_max) / row_sum[:, None]


def _maximum(x: torch.Tensor) -> torch.Tensor:
    """Maximum of each row in fp32, shape [n_rows, 1]."""
    return x.float().amax(dim=1, keepdim=True)


def torch_softmax(x: torch.Tensor) -> torch.Tensor:
    """Baseline of the speed tests."""
    return torch.softmax(x, dim=1)


def naive_softmax(x: torch.Tensor) -> torch.Tensor:
    """Baseline too: PyTorch operations one after another, each of them through memory."""
    exponentials = torch.exp(x - x.max(dim=1, keepdim=True).values)
    return exponentials / exponentials.sum(dim=1, keepdim=True)


def narrow_rows(data: Data) -> tuple[torch.Tensor]:
    """Many short rows in fp32."""
    return (data.normal(*NARROW),)


def wide_rows(data: Data) -> tuple[torch.Tensor]:
    """Longer rows in fp32."""
    return (data.normal(*WIDE),)


def wide_bf16_rows(data: Data) -> tuple[torch.Tensor]:
    """The same in bf16."""
    return (data.normal(*WIDE, dtype=torch.bfloat16),)
