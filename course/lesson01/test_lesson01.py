"""The graded tests of lesson 1: add, saxpy, add_rows.

12 points for right results, 2 for memory accesses, 6 for speed. The first case of each test is
the one whose failure says most, since it speaks for the test.
"""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING

import torch

from grader.testing import Mistake, cases, hint, points

if TYPE_CHECKING:
    from grader.judge.call import Call
    from grader.judge.check import Check
    from grader.judge.submission import Submission
    from grader.judge.timing.speed import Speed
    from grader.judge.traffic import Traffic
    from grader.protocol.data import Data

HALF_TYPES = ["float16", "bfloat16"]
LENGTHS = [4099, 1025, 1024, 1023, 1]
SHAPES = [(6, 1500), (50, 9), (8, 1024), (1, 1), (1, 1300), (0, 5), (5, 0)]


@points(2)
@hint("mask")
@cases("n", cpu=LENGTHS, gpu=[*LENGTHS, 1_000_003])
def test_add_any_length(
    submission: Submission, check: Check, data: Data, reference: ModuleType, n: int
) -> None:
    """add: vectors of any length."""
    x, y = data.normal(n), data.normal(n)
    doubled = "The result is {0} + {0}, not x + y: both loads use the pointer to {0}."
    check(
        submission.add(x, y),
        expected=reference.add(x, y),
        exact=True,
        mistakes=[
            Mistake("operand-used-twice", doubled.format("x"), lambda: reference.add(x, x)),
            Mistake("operand-used-twice", doubled.format("y"), lambda: reference.add(y, y)),
        ],
    )


@points(1)
@hint("shape")
@cases("shape", cpu=[(5, 7, 31), (1000, 2), (), (0,), (3, 0, 2)])
def test_add_any_shape(
    submission: Submission, check: Check, data: Data, reference: ModuleType, shape: tuple[int, ...]
) -> None:
    """add: tensors of any shape, a single number and empty ones too."""
    x, y = data.normal(*shape), data.normal(*shape)
    check(submission.add(x, y), expected=reference.add(x, y), exact=True)


@points(1)
@hint("dtype")
@cases("dtype", cpu=HALF_TYPES)
def test_add_half_precision(
    submission: Submission, check: Check, data: Data, reference: ModuleType, dtype: str
) -> None:
    """add: fp16 in gives fp16 out, bf16 gives bf16."""
    x, y = (data.normal(3001, dtype=getattr(torch, dtype)) for _ in range(2))
    check(submission.add(x, y), expected=reference.add(x, y), exact=True)


@points(1)
@hint("special values")
@cases("dtype", cpu=["float32", *HALF_TYPES])
def test_add_special_values(
    submission: Submission, check: Check, reference: ModuleType, dtype: str
) -> None:
    """add: NaN, infinities and overflow, as IEEE arithmetic has them."""
    x, y = reference.special_pairs(getattr(torch, dtype))
    check(submission.add(x, y), expected=reference.add(x, y), exact=True)


@points(1)
@hint("grid")
@cases("n", cpu=[*LENGTHS, 0], gpu=[*LENGTHS, 0, 1_000_003])
def test_saxpy_any_length(
    submission: Submission, check: Check, data: Data, reference: ModuleType, n: int
) -> None:
    """saxpy: vectors of any length."""
    a, x, y = -2.0, data.normal(n), data.normal(n)
    check(
        submission.saxpy(a, x, y),
        expected=reference.saxpy(a, x, y),
        error=reference.saxpy_error(a, x, y),
        dtype=torch.float32,
    )


@points(1)
@hint("scalar")
@cases("a", cpu=[2.5, -0.3, 3.0, 1.0, 0.0])
def test_saxpy_scalar(
    submission: Submission, check: Check, data: Data, reference: ModuleType, a: float
) -> None:
    """saxpy: any factor; even 0 times infinity and NaN stays NaN."""
    x, y = data.normal(1000), data.normal(1000)
    x[7], x[70], x[700] = float("inf"), float("-inf"), float("nan")
    check(
        submission.saxpy(a, x, y),
        expected=reference.saxpy(a, x, y),
        error=reference.saxpy_error(a, x, y),
        dtype=torch.float32,
        mistakes=[
            Mistake(
                "scalar-truncated",
                f"The factor a = {a} was used as {int(a)}: it became an integer. "
                "Pass it to the kernel as the float that it is.",
                lambda: reference.saxpy_truncated(a, x, y),
            )
        ],
    )


@points(1)
@hint("precision")
@cases("dtype", cpu=HALF_TYPES)
def test_saxpy_half_precision(
    submission: Submission, check: Check, data: Data, reference: ModuleType, dtype: str
) -> None:
    """saxpy: fp16 and bf16 computed in fp32 and rounded once."""
    a, kind = 0.3, getattr(torch, dtype)
    x, y = data.normal(3001, dtype=kind), data.normal(3001, dtype=kind)
    message = (
        f"The multiplication and addition were done in {dtype}, which rounds the factor and the "
        "product too. Convert x and y to tl.float32 first; the store rounds the result."
    )
    check(
        submission.saxpy(a, x, y),
        expected=reference.saxpy(a, x, y),
        error=reference.saxpy_error(a, x, y),
        dtype=kind,
        mistakes=[
            Mistake("low-precision", message, lambda: reference.saxpy_rounded_twice(a, x, y)),
            Mistake("low-precision", message, lambda: reference.saxpy_narrow_factor(a, x, y)),
        ],
    )


@points(2)
@hint("tile")
@cases("n_rows, n_columns", cpu=SHAPES, gpu=[*SHAPES, (70_001, 3), (3, 70_001)])
def test_add_rows_any_shape(
    submission: Submission,
    check: Check,
    data: Data,
    reference: ModuleType,
    n_rows: int,
    n_columns: int,
) -> None:
    """add_rows: matrices of any height and width."""
    x, row = data.normal(n_rows, n_columns), data.normal(n_columns)
    mistakes = []
    if n_rows <= n_columns:
        mistakes.append(
            Mistake(
                "row-indexed-by-row",
                "Element (i, j) of the result is x[i, j] + row[i], it must be x[i, j] + row[j]: "
                "row is indexed by the row number instead of the column number.",
                lambda: reference.add_rows_by_row_index(x, row),
            )
        )
    check(
        submission.add_rows(x, row),
        expected=reference.add(x, row),
        exact=True,
        mistakes=mistakes,
    )


@points(1)
@hint("stride")
@cases("n_rows, n_columns, row_stride", cpu=[(6, 1100, 1107), (9, 40, 64), (7, 600, 0)])
def test_add_rows_any_stride(
    submission: Submission,
    check: Check,
    data: Data,
    reference: ModuleType,
    n_rows: int,
    n_columns: int,
    row_stride: int,
) -> None:
    """add_rows: part of a wider matrix, and one row repeated (row stride 0)."""
    distinct = n_rows if row_stride else 1
    values = data.normal(distinct, n_columns).expand(n_rows, n_columns)
    x, row = data.strided(values, (row_stride, 1)), data.normal(n_columns)
    check(submission.add_rows(x, row), expected=reference.add(values, row), exact=True)


@points(1)
@hint("int64")
def test_add_rows_far_apart(
    submission: Submission, check: Check, data: Data, reference: ModuleType
) -> None:
    """add_rows: rows more than 2^31 elements apart."""
    # The stride fits into int32 and twice the stride does not: row 2 shows whether the product
    # was formed in int64. A stride beyond 2^31 would prove nothing, since Triton passes it as an
    # int64 and the product is right by itself.
    values, row = data.normal(3, 300, dtype=torch.float16), data.normal(300, dtype=torch.float16)
    x = data.strided(values, (2**30 + 64, 1))
    check(submission.add_rows(x, row), expected=reference.add(values, row), exact=True)


def small_call(
    worker: Submission, data: Data, reference: ModuleType, function: str
) -> tuple[Call, torch.Tensor]:
    """A call of the function with sizes that fill no block, and what it must return."""
    if function == "add_rows":
        x, row = data.normal(5, 301), data.normal(301)
        return worker.add_rows(x, row), reference.add(x, row)
    x, y = data.normal(1301), data.normal(1301)
    if function == "add":
        return worker.add(x, y), reference.add(x, y)
    return worker.saxpy(2.0, x, y), reference.saxpy(2.0, x, y)


@points(1)
@hint("bounds")
@cases("function", cpu=["add", "saxpy", "add_rows"])
def test_stays_in_bounds(
    interpreted: Submission, check: Check, data: Data, reference: ModuleType, function: str
) -> None:
    """All three: no element outside the tensors is read or written."""
    call, expected = small_call(interpreted, data, reference, function)
    check(call, expected=expected, error=1e-5, dtype=torch.float32)


@points(1)
@hint("traffic")
@cases("function", cpu=["add", "saxpy"])
def test_moves_each_byte_once(
    interpreted: Submission,
    check: Check,
    traffic: Traffic,
    data: Data,
    reference: ModuleType,
    function: str,
) -> None:
    """add, saxpy: each element is read once and written once."""
    x, y = data.normal(4099), data.normal(4099)
    # Only the bytes of a right result count: a kernel that forgets elements moves fewer.
    if function == "add":
        check(interpreted.add(x, y), expected=reference.add(x, y), exact=True)
        traffic(interpreted.add, x, y, at_most=1.0)
    else:
        expected = reference.saxpy(2.0, x, y)
        check(interpreted.saxpy(2.0, x, y), expected=expected, error=1e-5, dtype=torch.float32)
        traffic(interpreted.saxpy, 2.0, x, y, at_most=1.0)


@points(6)
@hint("speed")
def test_add_speed(submission: Submission, speed: Speed, reference: ModuleType) -> None:
    """add: as fast as torch.add on 2^26 elements in fp32."""
    speed(
        submission.add,
        baseline="torch_add",
        inputs="large_vectors",
        bytes_moved=reference.LARGE_BYTES,
    )
