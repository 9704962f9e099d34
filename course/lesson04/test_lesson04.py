"""The graded tests of lesson 4: quantize_rowwise, matmul_w8a8, linear_w8a16, and the challenge.

12 points for right results, 2 for memory accesses, 6 for speed. The first case of each test is
the one whose failure says most, since it speaks for the test. linear_w4a16 earns badges.
"""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING

import torch

from grader.testing import Mistake, Output, cases, challenge, hint, points

if TYPE_CHECKING:
    from grader.judge.call import Call
    from grader.judge.check import Check
    from grader.judge.submission import Submission
    from grader.judge.timing.speed import Speed
    from grader.judge.traffic import Traffic
    from grader.protocol.data import Data

HALF_TYPES = ["float16", "bfloat16"]
ROWS = [(4, 300, 333), (3, 1025, 1025), (7, 64, 64), (1, 1, 1), (0, 5, 5)]
MATRICES = [(150, 70, 200), (33, 300, 129), (20, 24, 4096), (1, 5, 1), (3, 5, 0), (0, 5, 7)]
LAYERS = [(1, 300, 700), (3, 70, 1001), (15, 37, 129), (1, 3, 5001), (3, 5, 0), (0, 4, 8)]
# rows of x, outputs, inputs, group size
PACKED = [(1, 40, 768, 128), (3, 19, 320, 32), (2, 7, 250, 250), (0, 4, 64, 32)]
LARGE_PACKED = [(1, 1027, 4096, 128), (16, 129, 8192, 32), (2, 130, 8192, 8192), (4, 9, 96, 6)]


@points(2)
@hint("scale")
@cases(
    "n_rows, n_columns, row_stride",
    cpu=ROWS,
    gpu=[*ROWS, (65, 4097, 4100), (5, 65_536, 65_536)],
)
def test_quantize_any_size(
    submission: Submission,
    check: Check,
    data: Data,
    reference: ModuleType,
    n_rows: int,
    n_columns: int,
    row_stride: int,
) -> None:
    """quantize_rowwise: rows of any number, length and distance."""
    # Rows of very different magnitude: one scale for all of them would be far off.
    values = data.normal(n_rows, n_columns) * data.uniform(0.01, 100, n_rows, 1)
    x = data.strided(values, (row_stride, 1))
    scale = reference.row_scale(values)
    of_codes, of_scales = scale_mistakes(reference, values) if n_rows else ([], [])
    check.outputs(
        submission.quantize_rowwise(x),
        Output("q", reference.codes(values, scale), exact=True, mistakes=of_codes),
        Output("scale", scale, exact=True, mistakes=of_scales),
    )


def scale_mistakes(reference: ModuleType, x: torch.Tensor) -> tuple[list[Mistake], list[Mistake]]:
    """Codes and scales of those who compute the scale in another way, or cut the quotients off."""
    scale = reference.row_scale(x)
    wrong_scales = {
        "one-scale-for-all": (
            reference.scale_of_tensor(x),
            "One scale was used for the whole tensor, the one of its largest magnitude. Each row "
            "has a scale of its own.",
        ),
        "magnitude-forgotten": (
            reference.scale_without_magnitude(x),
            "The scale was taken from the largest element of the row, not from the largest "
            "magnitude: tl.abs is missing before tl.max.",
        ),
        "wrong-divisor": (
            scale * 127 / 128,
            "The scale is the largest magnitude over 128, it must be over 127: the codes go from "
            "-127 to 127.",
        ),
    }
    of_codes = [
        Mistake(kind, message, reference.codes(x, wrong))
        for kind, (wrong, message) in wrong_scales.items()
    ]
    truncated = Mistake(
        "truncated",
        "The quotients were cut off towards zero: that is what a conversion to int8 does. Round "
        "them to the nearest integer first.",
        reference.codes(x, scale, torch.trunc),
    )
    of_scales = [Mistake(kind, message, wrong) for kind, (wrong, message) in wrong_scales.items()]
    return [truncated, *of_codes], of_scales


@points(1)
@hint("rounding")
@cases("n_rows, n_columns", cpu=[(12, 700)], gpu=[(100, 4096)])
def test_quantize_ties(
    submission: Submission,
    check: Check,
    data: Data,
    reference: ModuleType,
    n_rows: int,
    n_columns: int,
) -> None:
    """quantize_rowwise: ties go to the even integer, and every quotient is exact."""
    x = reference.near_ties(data, n_rows, n_columns)
    scale = reference.row_scale(x)
    ties = "Quotients that lie halfway between two integers were rounded {}; 0.5 and 2.5 become "
    ties += "0 and 2, the even neighbours."
    mistakes = [
        Mistake("ties-away", ties.format("away from zero"), lambda: rounded("rounded_away")),
        Mistake("ties-up", ties.format("up"), lambda: rounded("rounded_up")),
        Mistake(
            "multiplied-by-reciprocal",
            "x was multiplied by 127 / largest instead of divided by the scale: that rounds twice, "
            "and some quotients end on the other side of a tie.",
            lambda: reference.codes_by_reciprocal(x),
        ),
    ]

    def rounded(rounding: str) -> torch.Tensor:
        codes: torch.Tensor = reference.codes(x, scale, getattr(reference, rounding))
        return codes

    check.outputs(
        submission.quantize_rowwise(x),
        Output("q", reference.codes(x, scale), exact=True, mistakes=mistakes),
        Output("scale", scale, exact=True),
    )


@points(1)
@hint("zero rows")
def test_quantize_zero_rows(
    submission: Submission, check: Check, data: Data, reference: ModuleType
) -> None:
    """quantize_rowwise: a row of zeros, and rows of huge and of tiny numbers."""
    x = data.normal(6, 200)
    x[0], x[3] = 0.0, -0.0
    x[1] *= 1e37
    x[2] *= 1e-20
    scale = reference.row_scale(x)
    check.outputs(
        submission.quantize_rowwise(x),
        Output("q", reference.codes(x, scale), exact=True),
        Output("scale", scale, exact=True, mistakes=zero_row_mistakes(scale)),
    )


def zero_row_mistakes(scale: torch.Tensor) -> list[Mistake]:
    """Scales of those who forget that a row of zeros has scale 1."""
    message = "A row of zeros has scale 0, it must have scale 1: its numbers are divided by it."
    return [Mistake("zero-scale", message, torch.where(scale == 1.0, 0.0, scale))]


@points(1)
@hint("precision")
@cases("dtype", cpu=HALF_TYPES)
def test_quantize_half_precision(
    submission: Submission, check: Check, data: Data, reference: ModuleType, dtype: str
) -> None:
    """quantize_rowwise: fp16 and bf16, computed in fp32."""
    x = data.normal(5, 1000, dtype=getattr(torch, dtype))
    scale = reference.row_scale(x)
    check.outputs(
        submission.quantize_rowwise(x),
        Output("q", reference.codes(x, scale), exact=True),
        Output("scale", scale, exact=True),
    )


@points(2)
@hint("tiles")
@cases("M, N, K", cpu=MATRICES, gpu=[*MATRICES, (1000, 520, 8192), (129, 257, 1000)])
def test_matmul_any_size(
    submission: Submission, check: Check, data: Data, reference: ModuleType, M: int, N: int, K: int
) -> None:
    """matmul_w8a8: matrices of any size, exact sums."""
    a_q, b_q = reference.int8_matrices(data, M, N, K)
    check(
        submission.matmul_w8a8(a_q, b_q, torch.ones(M), torch.ones(N), torch.float32),
        expected=reference.integer_product(a_q, b_q),
        exact=True,
        dtype=torch.float32,
        mistakes=[
            Mistake(
                "overflow",
                "The sums wrapped around at 128: they were kept in int8. A product of two int8 "
                "numbers needs 16 bits, a sum of them 32.",
                lambda: reference.wrapped_to_int8(a_q, b_q),
            ),
            Mistake(
                "wrong-layout",
                "b_q was read as a matrix [K, N]. It is [N, K]: the weights of one output are a "
                "row.",
                lambda: reference.product_with_columns(a_q, b_q),
            ),
        ],
    )


@points(1)
@hint("accumulator")
@cases("M, N, K", cpu=[(20, 24, 4100)], gpu=[(20, 24, 4100), (130, 300, 131_071)])
def test_matmul_large_sums(
    submission: Submission, check: Check, data: Data, reference: ModuleType, M: int, N: int, K: int
) -> None:
    """matmul_w8a8: sums far above 2^24, which only an int32 holds exactly."""
    a_q = data.integers(100, 128, M, K, dtype=torch.int8)
    b_q = data.integers(100, 128, N, K, dtype=torch.int8)
    a_q[-1], b_q[-1] = -128, -128  # the largest sum of all
    check(
        submission.matmul_w8a8(a_q, b_q, torch.ones(M), torch.ones(N), torch.float32),
        expected=reference.integer_product(a_q, b_q),
        exact=True,
        dtype=torch.float32,
    )


@points(1)
@hint("epilogue")
@cases("dtype", cpu=[*HALF_TYPES, "float32"])
def test_matmul_scales(
    submission: Submission, check: Check, data: Data, reference: ModuleType, dtype: str
) -> None:
    """matmul_w8a8: each row and each column has its scale; three types of result."""
    size, kind = 140, getattr(torch, dtype)
    a_q, b_q = reference.int8_matrices(data, size, size, 96)
    a_scale, b_scale = data.uniform(0.001, 0.02, size), data.uniform(0.001, 0.02, size)
    expected = reference.matmul_w8a8(a_q, b_q, a_scale, b_scale)
    ones = torch.ones(size)

    def mistaken(rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
        product: torch.Tensor = reference.matmul_w8a8(a_q, b_q, rows, columns)
        return product

    check(
        submission.matmul_w8a8(a_q, b_q, a_scale, b_scale, kind),
        expected=expected,
        error=reference.matmul_w8a8_error(expected),
        dtype=kind,
        mistakes=[
            Mistake(
                "scales-swapped",
                "Row m was multiplied by b_scale[m] and column n by a_scale[n]: it must be "
                "a_scale[m] and b_scale[n].",
                lambda: mistaken(b_scale, a_scale),
            ),
            Mistake("scale-forgotten", "a_scale was left out.", lambda: mistaken(ones, b_scale)),
            Mistake("scale-forgotten", "b_scale was left out.", lambda: mistaken(a_scale, ones)),
            Mistake("scale-forgotten", "Both scales were left out.", lambda: mistaken(ones, ones)),
        ],
    )


@points(1)
@hint("rows")
@cases("M, N, K", cpu=LAYERS, gpu=[*LAYERS, (1, 1027, 4096), (16, 500, 8192)])
def test_linear_any_size(
    submission: Submission, check: Check, data: Data, reference: ModuleType, M: int, N: int, K: int
) -> None:
    """linear_w8a16: 1 to 16 rows, any number of inputs and outputs."""
    # Rows of x need not lie back to back.
    x = data.strided(data.normal(M, K, dtype=torch.float16), (K + 8, 1))
    w_q = data.integers(-128, 128, N, K, dtype=torch.int8)
    scale = data.uniform(0.001, 0.02, N)
    check(
        submission.linear_w8a16(x, w_q, scale),
        expected=reference.linear_w8a16(x, w_q, scale),
        error=reference.linear_w8a16_error(x, w_q, scale),
        dtype=torch.float16,
        mistakes=[
            Mistake(
                "scale-forgotten",
                "The sums were not multiplied by the scales of the outputs.",
                lambda: reference.linear_w8a16(x, w_q, torch.ones(N)),
            )
        ],
    )


@points(1)
@hint("sums in fp32")
@cases("dtype", cpu=HALF_TYPES)
def test_linear_precision(
    submission: Submission, check: Check, data: Data, reference: ModuleType, dtype: str
) -> None:
    """linear_w8a16: fp16 and bf16, with sums in fp32."""
    # All terms are positive: sums grow so large that 16 bits would lose most of each term.
    x = data.uniform(0.5, 1.0, 2, 2500, dtype=getattr(torch, dtype))
    w_q = data.integers(1, 128, 30, 2500, dtype=torch.int8)
    scale = data.uniform(1e-5, 1e-4, 30)
    check(
        submission.linear_w8a16(x, w_q, scale),
        expected=reference.linear_w8a16(x, w_q, scale),
        error=reference.linear_w8a16_error(x, w_q, scale),
        dtype=getattr(torch, dtype),
    )


def small_call(
    worker: Submission, data: Data, reference: ModuleType, function: str
) -> tuple[Call, list[Output]]:
    """A call of the function with sizes that fill no block, and what it must return."""
    if function == "quantize_rowwise":
        x = data.normal(3, 301)
        scale = reference.row_scale(x)
        codes = Output("q", reference.codes(x, scale), exact=True)
        return worker.quantize_rowwise(x), [codes, Output("scale", scale, exact=True)]
    if function == "matmul_w8a8":
        a_q, b_q = reference.int8_matrices(data, 13, 31, 75)
        a_scale, b_scale = data.uniform(0.5, 1.0, 13), data.uniform(0.5, 1.0, 31)
        expected = reference.matmul_w8a8(a_q, b_q, a_scale, b_scale)
        call = worker.matmul_w8a8(a_q, b_q, a_scale, b_scale, torch.float32)
        error = reference.matmul_w8a8_error(expected)
        return call, [Output("", expected, error=error, dtype=torch.float32)]
    x, w_q = data.normal(3, 333, dtype=torch.float16), reference.int8_matrices(data, 1, 21, 333)[1]
    scale = data.uniform(0.001, 0.02, 21)
    expected = reference.linear_w8a16(x, w_q, scale)
    error = reference.linear_w8a16_error(x, w_q, scale)
    return worker.linear_w8a16(x, w_q, scale), [
        Output("", expected, error=error, dtype=torch.float16)
    ]


@points(1)
@hint("bounds")
@cases("function", cpu=["matmul_w8a8", "linear_w8a16", "quantize_rowwise"])
def test_stays_in_bounds(
    interpreted: Submission, check: Check, data: Data, reference: ModuleType, function: str
) -> None:
    """All three: no element outside the tensors is read or written."""
    call, outputs = small_call(interpreted, data, reference, function)
    check.outputs(call, *outputs)


@points(1)
@hint("traffic of rows")
def test_quantize_moves_each_byte_once(
    interpreted: Submission, check: Check, traffic: Traffic, data: Data, reference: ModuleType
) -> None:
    """quantize_rowwise: each element is read once and written once."""
    x = data.normal(4, 3000, dtype=torch.float16)
    scale = reference.row_scale(x)
    check.outputs(
        interpreted.quantize_rowwise(x),
        Output("q", reference.codes(x, scale), exact=True),
        Output("scale", scale, exact=True),
    )
    traffic(interpreted.quantize_rowwise, x, at_most=1.0)


@points(1)
@hint("traffic of tiles")
def test_matmul_moves_each_byte_once(
    interpreted: Submission, check: Check, traffic: Traffic, data: Data, reference: ModuleType
) -> None:
    """matmul_w8a8: one tile reads its inputs once and writes only the scaled result."""
    # One tile of 64 x 64 or more, so that nothing has to be read twice. Sums that went through
    # memory before they were scaled would move 2.5 times the bytes.
    a_q, b_q = reference.int8_matrices(data, 60, 60, 64)
    a_scale, b_scale = data.uniform(0.001, 0.02, 60), data.uniform(0.001, 0.02, 60)
    arguments = (a_q, b_q, a_scale, b_scale, torch.float16)
    expected = reference.matmul_w8a8(*arguments[:4])
    error = reference.matmul_w8a8_error(expected)
    check(interpreted.matmul_w8a8(*arguments), expected=expected, error=error, dtype=torch.float16)
    traffic(interpreted.matmul_w8a8, *arguments, at_most=1.05)


@points(2)
@hint("speed of products")
def test_matmul_speed(submission: Submission, speed: Speed, reference: ModuleType) -> None:
    """matmul_w8a8: faster than the fp16 product of cuBLAS, 8192 x 8192."""
    speed(
        submission.matmul_w8a8,
        baseline="fp16_product",
        baseline_inputs="fp16_matrices",
        inputs="int8_and_scales",
        oracle="int_mm_and_scales",
        flops=2 * reference.LARGE**3,
        dtype="int8",
    )


@points(2)
@hint("speed of products")
def test_matmul_speed_over_int_mm(
    submission: Submission, speed: Speed, reference: ModuleType
) -> None:
    """matmul_w8a8: faster than torch._int_mm with the scales applied after it."""
    speed(
        submission.matmul_w8a8,
        baseline="int_mm_and_scales",
        inputs="int8_and_scales",
        flops=2 * reference.LARGE**3,
        dtype="int8",
    )


@points(2)
@hint("speed of decoding")
def test_linear_speed(submission: Submission, speed: Speed, reference: ModuleType) -> None:
    """linear_w8a16: one row by 28672 x 8192 weights, faster than with fp16 weights."""
    speed(
        submission.linear_w8a16,
        baseline="fp16_product",
        baseline_inputs="decode_fp16",
        inputs="decode_int8",
        oracle="fp32_decode",
        bytes_moved=reference.DECODE_BYTES,
    )


@challenge
@hint("packed weights")
@cases("M, N, K, group_size", cpu=PACKED, gpu=[*PACKED, *LARGE_PACKED])
def test_linear_w4a16_any_size(
    submission: Submission,
    check: Check,
    data: Data,
    reference: ModuleType,
    M: int,
    N: int,
    K: int,
    group_size: int,
) -> None:
    """linear_w4a16: any number of inputs, outputs and groups."""
    kind = torch.bfloat16 if M > 1 else torch.float16
    x = data.normal(M, K, dtype=kind)
    w_packed = data.integers(0, 256, N, K // 2, dtype=torch.uint8)
    scale = data.uniform(0.01, 0.2, N, K // group_size)
    codes = reference.unpacked(w_packed)

    def mistaken(codes: torch.Tensor, zero: int = 8) -> torch.Tensor:
        weights: torch.Tensor = reference.weights_of(codes, scale, group_size, zero)
        return x.double() @ weights.T

    check(
        submission.linear_w4a16(x, w_packed, scale, group_size),
        expected=reference.linear_w4a16(x, w_packed, scale, group_size),
        error=reference.linear_w4a16_error(x, w_packed, scale, group_size),
        dtype=kind,
        mistakes=[
            Mistake(
                "halves-swapped",
                "The two weights of a byte were exchanged: the low four bits hold the first one.",
                lambda: mistaken(reference.unpacked(reference.halves_swapped(w_packed))),
            ),
            Mistake(
                "zero-point-forgotten",
                "The codes 0 ... 15 were used as they are: 8 stands for 0 and must be subtracted.",
                lambda: mistaken(codes, zero=0),
            ),
            Mistake(
                "signed-codes",
                "The codes were read as two's complement. They are 0 ... 15, and 8 stands for 0.",
                lambda: mistaken(reference.signed_codes(w_packed), zero=0),
            ),
        ],
    )


@challenge
@hint("speed of packed weights")
def test_linear_w4a16_speed(submission: Submission, speed: Speed, reference: ModuleType) -> None:
    """linear_w4a16: one row by 28672 x 8192 weights, faster than with fp16 weights."""
    speed(
        submission.linear_w4a16,
        baseline="fp16_product",
        baseline_inputs="decode_fp16",
        inputs="decode_int4",
        oracle="fp32_decode_int4",
        bytes_moved=reference.DECODE_BYTES_4_BIT,
    )
