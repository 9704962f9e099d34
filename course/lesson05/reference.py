"""What the functions of lesson 5 must return, by PyTorch, and the inputs of its tests.

Owns the oracle, its error bounds, models of known mistakes and the count of loads that tiles
cost. All of it runs in the judge's process on CPU tensors, except the baselines, which run where
the submission runs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

import torch

from grader.testing import Mistake

if TYPE_CHECKING:
    from grader.protocol.data import Data

TILE_STEPS = (16, 32, 64, 128)  # the lengths of a step over K that anybody uses
MEDIUM, LARGE = 4096, 8192
TRAP_K, TRAP_VALUE, TRAP_STUCK = 4112, 8256.0, 8192.0


def matmul(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """The exact product, in float64; zeros where K is 0."""
    return a.double() @ b.double()


def matmul_error(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """How far sums of products in fp32 may lie from the exact ones, before the last rounding.

    The products of 16-bit numbers are exact in fp32. Each of the K - 1 additions loses at most
    2^-24 of a partial sum; such errors are as often up as down, so that they grow as sqrt(K)
    rather than K: 2 sqrt(K) 2^-24 sum |a b|. Source: Higham and Mary, A New Approach to
    Probabilistic Rounding Error Analysis (SIAM J. Sci. Comput. 41, 2019).

    Returns:
        float64 [M, N]; zero where a factor is no finite number, since those compare exactly.
    """
    size = a.double().abs() @ b.double().abs()
    bound = 2 * math.sqrt(a.shape[1]) * 2.0**-24 * size
    return torch.nan_to_num(bound, nan=0.0, posinf=0.0, neginf=0.0)


def gelu(v: torch.Tensor) -> torch.Tensor:
    """The tanh approximation of gelu."""
    return torch.nn.functional.gelu(v, approximate="tanh")


def linear_gelu(x: torch.Tensor, w: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """The exact gelu(x @ w.T + bias), in float64."""
    return gelu(matmul(x, w.t()) + bias.double())


def linear_gelu_error(x: torch.Tensor, w: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """How far an fp32 ``linear_gelu`` may lie from the exact one, before its last rounding.

    The slope of gelu is nowhere above 1.13, so that is what an error of the sum grows by. The
    activation itself, with an approximate tanh or exp, may lose 2^-20 of 1 + |v|.
    """
    v = matmul(x, w.t()) + bias.double()
    return 1.13 * matmul_error(x, w.t()) + 2.0**-20 * (1 + v.abs())


def small_integers(data: Data, *shape: int, dtype: torch.dtype = torch.float16) -> torch.Tensor:
    """Whole numbers from -3 to 3: their products and sums are exact in any order.

    No sum of up to 200 of their products passes 2048, where fp16 stops holding each integer.
    """
    return data.integers(-3, 4, *shape).to(dtype)


def accumulator_trap(m: int, n: int, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    """Matrices whose product shows how exactly it was summed: 8256 everywhere.

    The first 16 terms of each sum are 32 * 16 and make 8192, where the neighbours in fp16 are 8
    apart and those in bf16 64. The other 4096 are 1/8 * 1/8: together 64, but a whole step of 128
    of them is no more than 2 and is lost in a sum of 16 bits.
    """
    a = torch.full((m, TRAP_K), 0.125, dtype=dtype)
    b = torch.full((TRAP_K, n), 0.125, dtype=dtype)
    a[:, :16], b[:16] = 32, 16
    return a, b


def loop_mistakes(a: torch.Tensor, b: torch.Tensor) -> list[Mistake]:
    """What goes wrong in a loop over K, for each length of a step that may have been used."""
    return [mistake for step in TILE_STEPS for mistake in _loop_mistakes(a, b, step)]


def _loop_mistakes(a: torch.Tensor, b: torch.Tensor, step: int) -> Iterator[Mistake]:
    terms = a.shape[1]
    last = (terms - 1) // step * step
    if last <= 0:
        return
    yield Mistake(
        "pointers-not-advanced",
        f"Every step of the loop multiplies the same {step} columns of the first matrix with the "
        f"same {step} rows of the second: the addresses are not moved on by BLOCK_K * stride.",
        lambda: product_of_first_step(a, b, step),
    )
    yield Mistake(
        "accumulator-reset",
        f"The result is the product of the last step over K alone, from k = {last} on: the "
        "accumulator is made anew inside the loop, or overwritten instead of added to.",
        lambda: matmul(a[:, last:], b[last:]),
    )
    yield Mistake(
        "only-first-step",
        f"Only the terms k = 0 ... {step - 1} are in the sums: the loop over K takes one step.",
        lambda: matmul(a[:, :step], b[:step]),
    )
    if terms % step:
        yield Mistake(
            "last-step-missing",
            f"The terms from k = {last} on are missing in the sums: K = {terms} is no multiple of "
            f"BLOCK_K = {step}, and the number of steps is rounded down. Round it up and mask.",
            lambda: matmul(a[:, :last], b[:last]),
        )


def product_of_first_step(a: torch.Tensor, b: torch.Tensor, step: int) -> torch.Tensor:
    """A mistake: each step over K loads the first tiles, masked as if it had moved on."""
    total = torch.zeros(a.shape[0], b.shape[1], dtype=torch.float64)
    for start in range(0, a.shape[1], step):
        width = min(step, a.shape[1] - start)
        total += matmul(a[:, :width], b[:width])
    return total


def seen_with(x: torch.Tensor, row_stride: int) -> torch.Tensor:
    """What a kernel sees of a view that takes the elements of a row for neighbours."""
    return torch.as_strided(x, x.shape, (row_stride, 1))


def strides_exchanged(w: torch.Tensor) -> torch.Tensor:
    """What a kernel sees of a contiguous w [N, K] that takes its strides for those of [K, N]."""
    n, k = w.shape
    return torch.as_strided(w, (k, n), (k, 1))


def strides_ignored(a: torch.Tensor, b: torch.Tensor) -> list[Mistake]:
    """Views of the first, the second or both matrices read with other strides than theirs."""
    contiguous = "as if it were contiguous, row after row"
    neighbours = "as if the elements of a row were neighbours in memory"
    return [
        *_misread(a, b, a.shape[1], b.shape[1], contiguous),
        *_misread(a, b, a.stride(0), b.stride(0), neighbours),
    ]


def _misread(
    a: torch.Tensor, b: torch.Tensor, a_row_stride: int, b_row_stride: int, how: str
) -> Iterator[Mistake]:
    message = f"The result fits {{0}} matrix read {how}: use all strides that the kernel is given."
    for name, in_a, in_b in (("the first", True, False), ("the second", False, True),
                             ("each", True, True)):  # fmt: skip
        if (in_a and _outside(a, a_row_stride)) or (in_b and _outside(b, b_row_stride)):
            continue  # reading so would reach beyond the memory of the view
        seen_a = seen_with(a, a_row_stride) if in_a else a
        seen_b = seen_with(b, b_row_stride) if in_b else b
        yield Mistake("strides-ignored", message.format(name), partial(matmul, seen_a, seen_b))


def _outside(x: torch.Tensor, row_stride: int) -> bool:
    """Whether taking the elements of its rows for neighbours would reach beyond its memory."""
    last = x.storage_offset() + (x.shape[0] - 1) * row_stride + x.shape[1] - 1
    return last >= x.untyped_storage().nbytes() // x.element_size()


def epilogue_mistakes(x: torch.Tensor, w: torch.Tensor, bias: torch.Tensor) -> list[Mistake]:
    """What goes wrong between the loop over K and the store of ``linear_gelu``."""
    sums, b = matmul(x, w.t()), bias.double()
    mistakes = [
        Mistake("bias-missing", "The result is gelu(x @ w.T): the bias is not added.", gelu(sums)),
        Mistake(
            "activation-missing",
            "The result is x @ w.T + bias: gelu is not applied.",
            sums + b,
        ),
        Mistake(
            "bias-after-activation",
            "The result is gelu(x @ w.T) + bias: the bias belongs inside gelu.",
            gelu(sums) + b,
        ),
        Mistake(
            "exact-gelu",
            "This is gelu by the error function; the tanh approximation is asked for. Use the "
            "given gelu.",
            torch.nn.functional.gelu(sums + b),
        ),
    ]
    if x.shape[0] <= w.shape[0]:
        mistakes.append(
            Mistake(
                "bias-by-row",
                "Row i of the result has bias[i] added, it must be bias[j] in column j: the bias "
                "is indexed by the row number.",
                gelu(sums + b[: x.shape[0], None]),
            )
        )
    if 0 < x.shape[1] <= w.shape[0]:
        mistakes.append(
            Mistake(
                "weight-not-transposed",
                "The two strides of w are in each other's place: w is [N, K], so element (k, j) of "
                "what tile_product calls b is w[j, k].",
                gelu(matmul(x, strides_exchanged(w)) + b),
            )
        )
    return mistakes


def coarse_fractions(data: Data, *shape: int, dtype: torch.dtype) -> torch.Tensor:
    """Fractions with few bits: 40 of their products sum up exactly in fp32, but not in 16 bits."""
    return (data.integers(-60, 61, *shape) / 64).to(dtype)


def rounded_early(
    x: torch.Tensor, w: torch.Tensor, bias: torch.Tensor, got: Callable[[], torch.Tensor]
) -> list[Mistake]:
    """Epilogues of ``linear_gelu`` that round to 16 bits on the way, for exact sums.

    Args:
        x: Made by ``coarse_fractions``.
        w: Likewise.
        bias: Likewise.
        got: Gives what was returned; settles cases that fp32 arithmetic may round either way.
    """
    sums, b = matmul(x, w.t()), bias.double()
    message = (
        "{0} were rounded to 16 bits before gelu, and the result was rounded again. Keep the sums "
        "in fp32 up to the store: no .to() before it."
    )
    values = {
        "The sums and biases": gelu((sums + b).to(x.dtype).double()),
        "The sums": gelu(sums.to(x.dtype).double() + b),
    }
    return [
        Mistake("rounded-before-gelu", message.format(what), partial(_either_way, value, got))
        for what, value in values.items()
    ]


def _either_way(value: torch.Tensor, returned: Callable[[], torch.Tensor]) -> torch.Tensor:
    """A value rounded to the type of what was returned, as there where noise leaves a choice."""
    got = returned()
    noise = 2.0**-20 * (1 + value.abs())
    low, high = (value - noise).to(got.dtype), (value + noise).to(got.dtype)
    return torch.where((low <= got) & (got <= high), got, value.to(got.dtype))


def loads_of_tiles(m: int, n: int, k: int, tile: int = 32) -> int:
    """Elements that square tiles of c load: a once for each column of tiles, b for each row."""
    return -(-n // tile) * m * k + -(-m // tile) * n * k


def traffic_limit(m: int, n: int, k: int, biases: int = 0) -> float:
    """Traffic of 32 x 32 tiles over the traffic that reads each element once.

    Args:
        m: Rows of the result.
        n: Columns of the result.
        k: Terms of each sum.
        biases: Length of a vector that each row of tiles reads.
    """
    tiled = loads_of_tiles(m, n, k) + -(-m // 32) * biases + m * n
    return tiled / (m * k + k * n + biases + m * n)


def torch_matmul(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Baseline of the speed tests: cuBLAS."""
    return torch.matmul(a, b)


def torch_matmul_transposed(a: torch.Tensor, b_t: torch.Tensor) -> torch.Tensor:
    """Baseline of the challenge: cuBLAS with the second matrix transposed."""
    return torch.matmul(a, b_t.t())


def medium_matrices(data: Data) -> tuple[torch.Tensor, torch.Tensor]:
    """Two fp16 matrices of 4096 x 4096."""
    return _square(data, MEDIUM), _square(data, MEDIUM)


def large_matrices(data: Data) -> tuple[torch.Tensor, torch.Tensor]:
    """Two fp16 matrices of 8192 x 8192."""
    return _square(data, LARGE), _square(data, LARGE)


def _square(data: Data, n: int) -> torch.Tensor:
    return data.normal(n, n, dtype=torch.float16)
