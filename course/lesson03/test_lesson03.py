"""The graded tests of lesson 3: softmax, softmax_, softmax_long.

12 points for right results, 2 for memory accesses, 6 for speed. The first case of each test is
the one whose failure says most, since it speaks for the test.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING

import torch

from grader.testing import Mistake, cases, fail, hint, points

if TYPE_CHECKING:
    from grader.judge.call import Call
    from grader.judge.check import Check
    from grader.judge.peak_memory import PeakMemory
    from grader.judge.submission import Submission
    from grader.judge.timing.speed import Speed
    from grader.judge.traffic import Traffic
    from grader.protocol.data import Data

HALF_TYPES = ["float16", "bfloat16"]
SHAPES = [(6, 781), (3, 1024), (1, 1), (5, 1), (37, 3), (2, 5000), (0, 5), (5, 0)]
LARGE_SHAPES = [(70_001, 33), (1823, 781), (700, 16_384)]
LENGTHS = [40_000, 16_384, 8193, 100, 1, 0]

# Sizes of tiles and blocks that a mistake may have been made with.
HEIGHTS = [2**k for k in range(11)]
BLOCKS = [2**k for k in range(8, 17)]

# Larger inputs are not compared with models of mistakes: a smaller case has named the mistake.
MODELLED = 500_000  # elements


@points(2)
@hint("tile")
@cases("n_rows, n_columns", cpu=SHAPES, gpu=[*SHAPES, *LARGE_SHAPES])
def test_softmax_any_shape(
    submission: Submission,
    check: Check,
    data: Data,
    reference: ModuleType,
    n_rows: int,
    n_columns: int,
) -> None:
    """softmax: matrices of any height, rows of any length."""
    x = data.normal(n_rows, n_columns)
    call = submission.softmax(x)
    check(
        call,
        expected=reference.softmax(x),
        error=reference.softmax_error(x),
        dtype=torch.float32,
        mistakes=[*axis_mistakes(reference, x), *padding_mistakes(reference, x)],
    )
    require_sums_of_one(call)


@points(1)
@hint("stability")
@cases("shift", cpu=[1e4, 300.0])
def test_softmax_large_values(
    submission: Submission, check: Check, data: Data, reference: ModuleType, shift: float
) -> None:
    """softmax: values whose exponentials no number can hold."""
    x = data.normal(9, 1000)
    x[::2] += shift  # rows near 0 in between: each needs a maximum of its own
    message = (
        "The exponentials overflow: exp(89) is infinite in fp32, and inf / inf is NaN. Subtract "
        "the maximum of its row from each element before tl.exp; the quotient stays the same."
    )
    common = (
        "One maximum was taken for several rows, whose exponentials then underflow to 0. Each row "
        "has its own: reduce along axis=1, and bring the result back to shape [BLOCK_M, 1]."
    )
    check(
        submission.softmax(x),
        expected=reference.softmax(x),
        error=reference.softmax_error(x),
        dtype=torch.float32,
        mistakes=[
            Mistake("max-not-subtracted", message, lambda: reference.without_maximum(x)),
            *(
                Mistake("max-of-tile", common, partial(reference.common_maximum, x, height))
                for height in HEIGHTS[1:]
            ),
        ],
    )


@points(1)
@hint("padding")
@cases("shift", cpu=[-50.0, -200.0])
def test_softmax_negative_values(
    submission: Submission, check: Check, data: Data, reference: ModuleType, shift: float
) -> None:
    """softmax: rows far below 0, where nothing but the row itself may count."""
    x = data.normal(5, 600, mean=shift)
    check(
        submission.softmax(x),
        expected=reference.softmax(x),
        error=reference.softmax_error(x),
        dtype=torch.float32,
        mistakes=[*padding_mistakes(reference, x)],
    )


@points(1)
@hint("special values")
@cases("n_columns", cpu=[500, 512])
def test_softmax_special_values(
    submission: Submission, check: Check, reference: ModuleType, n_columns: int
) -> None:
    """softmax: -inf gives 0; NaN, +inf and nothing but -inf make a row NaN."""
    x = reference.special_rows(n_columns)
    check(
        submission.softmax(x),
        expected=reference.softmax(x),
        error=reference.softmax_error(x),
        dtype=torch.float32,
        mistakes=special_mistakes(reference, x),
    )


@points(1)
@hint("precision")
@cases("dtype", cpu=HALF_TYPES)
def test_softmax_half_precision(
    submission: Submission, check: Check, data: Data, reference: ModuleType, dtype: str
) -> None:
    """softmax: fp16 and bf16 computed in fp32 and rounded once."""
    x = data.normal(5, 3001, dtype=getattr(torch, dtype))
    check(
        submission.softmax(x),
        expected=reference.softmax(x),
        error=reference.softmax_error(x),
        dtype=x.dtype,
    )


@points(1)
@hint("stride")
@cases(
    "n_rows, n_columns, row_stride",
    cpu=[(6, 300, 320), (9, 40, 47), (7, 600, 0), (3, 300, 2**30 + 64)],
)
def test_softmax_any_stride(
    submission: Submission,
    check: Check,
    data: Data,
    reference: ModuleType,
    n_rows: int,
    n_columns: int,
    row_stride: int,
) -> None:
    """softmax: part of a wider matrix, one row repeated, rows 2^30 elements apart."""
    distinct = n_rows if row_stride else 1
    values = data.normal(distinct, n_columns, dtype=torch.float16).expand(n_rows, n_columns)
    check(
        submission.softmax(data.strided(values, (row_stride, 1))),
        expected=reference.softmax(values),
        error=reference.softmax_error(values),
        dtype=values.dtype,
    )


@points(1)
@hint("in place")
@cases("n_rows, n_columns, row_stride", cpu=[(6, 781, 781), (5, 300, 320), (1, 1, 1), (0, 5, 5)])
def test_softmax_in_place(
    submission: Submission,
    check: Check,
    data: Data,
    reference: ModuleType,
    n_rows: int,
    n_columns: int,
    row_stride: int,
) -> None:
    """softmax_: overwrites x, leaves what lies between its rows, returns x itself."""
    values = data.normal(n_rows, n_columns)
    call = submission.softmax_(data.strided(values, (row_stride, 1)))
    again = (
        "{0} came out: x was normalised {1}. In place, every launch of the kernel starts from "
        "what the one before has left, be it to warm up or to tune."
    )
    check(
        call,
        expected=reference.softmax(values),
        error=reference.softmax_error(values),
        dtype=values.dtype,
        in_place=True,
        mistakes=[
            Mistake(
                "applied-twice",
                again.format("The softmax of the softmax", "twice"),
                lambda: reference.softmax(reference.softmax(values)),
            ),
            Mistake(
                "applied-many-times",
                again.format("1 / n", "again and again"),
                lambda: torch.full_like(values, 1 / n_columns),
            ),
        ],
    )


@points(1)
@hint("in place")
def test_softmax_in_place_memory(
    submission: Submission,
    check: Check,
    peak_memory: PeakMemory,
    data: Data,
    reference: ModuleType,
) -> None:
    """softmax_: allocates no memory."""
    x = data.normal(512, 1000)
    check(
        submission.softmax_(x),
        expected=reference.softmax(x),
        error=reference.softmax_error(x),
        dtype=torch.float32,
        in_place=True,
    )
    peak_memory(submission.softmax_, x, at_most_bytes=0)


@points(1)
@hint("long row")
@cases("n_columns", cpu=LENGTHS, gpu=[*LENGTHS, 1_000_003])
def test_softmax_long_any_length(
    submission: Submission, check: Check, data: Data, reference: ModuleType, n_columns: int
) -> None:
    """softmax_long: rows of any length, strided too."""
    values = data.normal(3, n_columns)
    call = submission.softmax_long(data.strided(values, (n_columns + 5, 1)))
    check(
        call,
        expected=reference.softmax(values),
        error=reference.softmax_error(values),
        dtype=torch.float32,
        mistakes=[*long_mistakes(reference, values), *padding_mistakes(reference, values, BLOCKS)],
    )
    require_sums_of_one(call)


@points(1)
@hint("rescale")
@cases("dtype", cpu=["float32", *HALF_TYPES])
def test_softmax_long_new_maximum(
    submission: Submission, check: Check, reference: ModuleType, dtype: str
) -> None:
    """softmax_long: the maximum may come in any block, and each block may have a larger one."""
    x = reference.slopes(40_000).to(getattr(torch, dtype))
    check(
        submission.softmax_long(x),
        expected=reference.softmax(x),
        error=reference.softmax_error(x),
        dtype=x.dtype,
        mistakes=[*long_mistakes(reference, x)],
    )


@points(1)
@hint("empty block")
@cases("n_columns", cpu=[60_000, 500])
def test_softmax_long_special_values(
    submission: Submission, check: Check, reference: ModuleType, n_columns: int
) -> None:
    """softmax_long: rows that begin with many -inf stay finite; the rest as for softmax."""
    x = reference.special_rows(n_columns)
    check(
        submission.softmax_long(x),
        expected=reference.softmax(x),
        error=reference.softmax_error(x),
        dtype=torch.float32,
        mistakes=[*special_mistakes(reference, x), *empty_block_mistakes(reference, x)],
    )


@points(1)
@hint("traffic")
@cases("function", cpu=["softmax", "softmax_"])
def test_softmax_reads_once(
    interpreted: Submission,
    check: Check,
    traffic: Traffic,
    data: Data,
    reference: ModuleType,
    function: str,
) -> None:
    """softmax, softmax_: each element is read once and written once, nothing else is."""
    x, run = data.normal(7, 1500), getattr(interpreted, function)
    # Only the bytes of a right result count: a kernel that forgets elements moves fewer.
    check(
        run(x),
        expected=reference.softmax(x),
        error=reference.softmax_error(x),
        dtype=torch.float32,
        in_place=function == "softmax_",
    )
    traffic(run, x, at_most=1.0)


@points(1)
@hint("traffic")
def test_softmax_long_reads_twice(
    interpreted: Submission, check: Check, traffic: Traffic, data: Data, reference: ModuleType
) -> None:
    """softmax_long: each element is read at most twice and written once, nothing else is."""
    x = data.normal(2, 50_000)
    check(
        interpreted.softmax_long(x),
        expected=reference.softmax(x),
        error=reference.softmax_error(x),
        dtype=torch.float32,
    )
    traffic(interpreted.softmax_long, x, at_most=1.5)


@points(2)
@hint("speed")
def test_softmax_narrow_speed(submission: Submission, speed: Speed, reference: ModuleType) -> None:
    """softmax: as fast as torch.softmax on 65536 x 1024 in fp32."""
    speed(
        submission.softmax,
        baseline="torch_softmax",
        inputs="narrow_rows",
        bytes_moved=reference.FP32_BYTES,
    )


@points(2)
@hint("speed")
def test_softmax_wide_speed(submission: Submission, speed: Speed, reference: ModuleType) -> None:
    """softmax: faster than torch.softmax on 16384 x 4096 in fp32."""
    speed(
        submission.softmax,
        baseline="torch_softmax",
        inputs="wide_rows",
        bytes_moved=reference.FP32_BYTES,
    )


@points(1)
@hint("speed")
def test_softmax_bf16_speed(submission: Submission, speed: Speed, reference: ModuleType) -> None:
    """softmax: far faster than torch.softmax on 16384 x 4096 in bf16."""
    speed(
        submission.softmax,
        baseline="torch_softmax",
        inputs="wide_bf16_rows",
        bytes_moved=reference.BF16_BYTES,
    )


@points(1)
@hint("speed")
def test_softmax_fusion_speed(submission: Submission, speed: Speed, reference: ModuleType) -> None:
    """softmax: several times faster than PyTorch operations one after another."""
    speed(
        submission.softmax,
        baseline="naive_softmax",
        inputs="wide_rows",
        bytes_moved=reference.FP32_BYTES,
    )


def require_sums_of_one(call: Call) -> None:
    """End the case unless each row of an fp32 result adds up to 1 within 1e-5.

    Tighter than the bound of the elements, which may all err to the same side by 3e-5. Roundings
    of single elements cancel out in a sum; an error of what they were divided by does not.
    """
    sums = call.output.double().sum(dim=1)
    off = (sums - 1).abs() > 1e-5
    if call.output.shape[1] > 0 and bool(off.any()):
        row = int(off.nonzero()[0])
        fail(
            "sum-not-one",
            f"Row {row} of the result adds up to {sums[row]:.7f}, not to 1: what its elements were "
            "divided by is not the sum of its exponentials.",
        )


def axis_mistakes(reference: ModuleType, x: torch.Tensor) -> Iterator[Mistake]:
    """A reduction along the wrong axis, in tiles of any height."""
    message = (
        "The columns of a tile add up to 1, not the rows: maximum and sum were formed along axis "
        "0. Axis 0 of the tile runs down the rows, axis 1 along the columns."
    )
    for height in HEIGHTS if x.numel() <= MODELLED else ():
        yield Mistake("wrong-axis", message, partial(reference.down_the_columns, x, height))


def padding_mistakes(
    reference: ModuleType, x: torch.Tensor, blocks: Sequence[int] = ()
) -> Iterator[Mistake]:
    """Blocks that are longer than the row together, and whose other lanes count.

    Args:
        reference: The lesson's oracle.
        x: The input.
        blocks: Sizes of blocks to think of; if left out, one block as wide as a power of two.
    """
    n_columns = x.shape[1]
    if not 0 < x.numel() <= MODELLED:
        return
    message = (
        "The lanes behind the end of the row count as elements with the value 0: they enter the "
        "{0}. Give them, by other= in tl.load, the value whose exponential is 0."
    )
    for block in blocks or [1 << (n_columns - 1).bit_length()]:
        width = -(-n_columns // block) * block
        entered = message.format("sum")
        yield Mistake("padding-counts", entered, partial(reference.padded, x, width))
    entered = message.format("maximum")
    yield Mistake("padding-counts", entered, partial(reference.padded_maximum, x))


def special_mistakes(reference: ModuleType, x: torch.Tensor) -> list[Mistake]:
    """Guards against -inf that do too much, and NaN that got lost."""
    guarded = (
        "A row that is -inf throughout came out as {0}. There is no element to compare the others "
        "with: the result is NaN, as from torch.softmax. 0 / 0 gives that by itself."
    )
    swallowed = (
        "A NaN in a row has no effect on the rest of it. It belongs into the sum: do not replace "
        "it, and do not leave it out."
    )
    share = 1 / x.shape[1]
    return [
        Mistake("over-guarded", guarded.format(0), lambda: reference.all_minus_inf_as(x, 0.0)),
        Mistake(
            "over-guarded", guarded.format("1 / n"), lambda: reference.all_minus_inf_as(x, share)
        ),
        Mistake("nan-swallowed", swallowed, lambda: reference.nan_swallowed(x)),
    ]


def empty_block_mistakes(reference: ModuleType, x: torch.Tensor) -> Iterator[Mistake]:
    """NaN from rows whose first block is -inf throughout, for blocks of any size."""
    message = (
        "Rows that begin with a whole block of -inf came out as NaN: the maximum is -inf by then, "
        "and (-inf) - (-inf) is NaN. Start from the lowest finite number instead."
    )
    for block in BLOCKS:
        yield Mistake("empty-block", message, partial(reference.nan_from_empty_block, x, block))


def long_mistakes(reference: ModuleType, x: torch.Tensor) -> Iterator[Mistake]:
    """A long row put together wrongly, from blocks of any size."""
    messages = {
        "sum-not-rescaled": "The sum was not rescaled when a block had a larger maximum: what it "
        "held by then was relative to the old one. Multiply it by exp(old - new).",
        "last-block-max": "The maximum of the last block was taken for that of the row. The new "
        "maximum is the larger one of the old maximum and the block's.",
        "block-max": "Each block's exponentials are relative to that block's maximum, though all "
        "are divided by one sum. All of a row must be relative to one maximum.",
        "block-by-itself": "Each block was normalised by itself. It is the row that must add up "
        "to 1, not each of its blocks.",
    }
    models = {
        "sum-not-rescaled": reference.sum_not_rescaled,
        "last-block-max": reference.last_maximum,
        "block-max": reference.maximum_of_each_block,
        "block-by-itself": reference.each_block_by_itself,
    }
    for block in BLOCKS:
        if block < x.shape[1] and x.numel() <= MODELLED:
            for kind, model in models.items():
                yield Mistake(kind, messages[kind], partial(model, x, block))
