"""The graded tests of lesson 5: matmul, matmul_grouped, linear_gelu, and the challenge.

12 points for right results, 2 for memory accesses, 6 for speed; matmul_persistent earns badges.
The first case of each test is the one whose failure says most, since it speaks for the test.

Most matrices hold small whole numbers: their products are exact in any order of summation, so
that a wrong element is wrong beyond doubt, and a known mistake is known by its very values.
"""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType
from typing import TYPE_CHECKING

import torch

from grader.testing import Mistake, cases, challenge, hint, points

if TYPE_CHECKING:
    from grader.judge.call import Call
    from grader.judge.check import Check
    from grader.judge.submission import Submission
    from grader.judge.timing.speed import Speed
    from grader.judge.traffic import Traffic
    from grader.protocol.data import Data

HALF_TYPES = ["float16", "bfloat16"]
# A kernel is compiled anew for each number that is 1 or a multiple of 16 where another was not, so
# most sizes are neither: they share what was compiled.
WHOLE_TILES = [(128, 128, 128), (256, 128, 128)]
SIZES = [
    (70, 128, 100),
    (100, 70, 33),
    (3, 200, 150),
    (200, 3, 20),
    (20, 30, 1),
    (5, 9, 0),
    (0, 5, 7),
]
# Tall and wide, so that groups of any height end with a smaller one.
GROUPED_SIZES = [(700, 150, 24), (150, 300, 40), (70, 60, 150), (9, 7, 0), (0, 5, 7)]
LINEAR_SIZES = [(70, 90, 50), (100, 7, 20), (3, 130, 33), (4, 6, 0), (5, 0, 7)]
LAYOUTS = ["a transposed", "b transposed", "parts of larger matrices"]
PERSISTENT_SIZES = [(200, 136, 72), (5, 8, 8), (40, 56, 33), (0, 8, 8)]


@points(2)
@hint("loop over k")
@cases("m, n, k", cpu=WHOLE_TILES, gpu=[*WHOLE_TILES, (512, 384, 128)])
def test_matmul_whole_tiles(
    submission: Submission,
    check: Check,
    data: Data,
    reference: ModuleType,
    m: int,
    n: int,
    k: int,
) -> None:
    """matmul: sizes that tiles fill exactly."""
    a, b = reference.small_integers(data, m, k), reference.small_integers(data, k, n)
    check(
        submission.matmul(a, b),
        expected=reference.matmul(a, b),
        exact=True,
        dtype=torch.float16,
        mistakes=reference.loop_mistakes(a, b),
    )


@points(2)
@hint("edges")
@cases("m, n, k", cpu=SIZES, gpu=[*SIZES, (1000, 777, 130)])
def test_matmul_any_size(
    submission: Submission,
    check: Check,
    data: Data,
    reference: ModuleType,
    m: int,
    n: int,
    k: int,
) -> None:
    """matmul: any size, from an empty matrix to a skinny one."""
    a, b = reference.small_integers(data, m, k), reference.small_integers(data, k, n)
    check(
        submission.matmul(a, b),
        expected=reference.matmul(a, b),
        exact=True,
        dtype=torch.float16,
        mistakes=reference.loop_mistakes(a, b),
    )


@points(1)
@hint("strides")
@cases("layout", cpu=[*LAYOUTS, "rows far apart", "terms far apart"])
def test_matmul_any_strides(
    submission: Submission, check: Check, data: Data, reference: ModuleType, layout: str
) -> None:
    """matmul: transposed matrices, parts of larger ones, rows 2^30 elements apart."""
    m, n, k = (3, 40, 20) if layout.endswith("far apart") else (70, 90, 50)
    a, b = reference.small_integers(data, m, k), reference.small_integers(data, k, n)
    c = reference.matmul(a, b)
    strides_a, strides_b = {
        "a transposed": ((1, m), (n, 1)),
        "b transposed": ((k, 1), (1, k)),
        "parts of larger matrices": ((3 * k, 2), (n + 7, 1)),
        # Row 2 lies beyond 2^31 elements, so its offset must be formed in int64.
        "rows far apart": ((2**30 + 64, 1), (n, 1)),
        # And so does term 16 of each sum.
        "terms far apart": ((k, 1), (2**27, 1)),
    }[layout]
    a, b = data.strided(a, strides_a), data.strided(b, strides_b)
    check(
        submission.matmul(a, b),
        expected=c,
        exact=True,
        dtype=torch.float16,
        mistakes=reference.strides_ignored(a, b),
    )


@points(1)
@hint("accumulator")
@cases("dtype", cpu=HALF_TYPES)
def test_matmul_sums_in_fp32(
    submission: Submission, check: Check, reference: ModuleType, dtype: str
) -> None:
    """matmul: long sums of small terms are not lost in a 16-bit accumulator."""
    a, b = reference.accumulator_trap(16, 16, getattr(torch, dtype))
    message = (
        f"Every element is {reference.TRAP_STUCK:g} instead of {reference.TRAP_VALUE:g}: the sum "
        f"is kept in {dtype}, where the small terms that follow the large ones change nothing. "
        "The accumulator must be fp32."
    )
    stuck = torch.full((16, 16), reference.TRAP_STUCK)
    check(
        submission.matmul(a, b),
        expected=reference.matmul(a, b),
        exact=True,
        dtype=a.dtype,
        mistakes=[Mistake("narrow-accumulator", message, stuck)],
    )


@points(1)
@hint("one rounding")
@cases("dtype", cpu=HALF_TYPES)
def test_matmul_half_precision(
    submission: Submission, check: Check, data: Data, reference: ModuleType, dtype: str
) -> None:
    """matmul: fp16 and bf16, rounded once; NaN and infinity stay in their rows and columns."""
    kind = getattr(torch, dtype)
    a, b = data.normal(40, 100, dtype=kind), data.normal(100, 50, dtype=kind)
    a[3, 99], b[7, 5] = float("inf"), float("nan")
    check(
        submission.matmul(a, b),
        expected=reference.matmul(a, b),
        error=reference.matmul_error(a, b),
        dtype=kind,
    )


@points(2)
@hint("groups")
@cases("m, n, k", cpu=GROUPED_SIZES, gpu=[*GROUPED_SIZES, (1000, 777, 130)])
def test_grouped_any_size(
    submission: Submission,
    check: Check,
    data: Data,
    reference: ModuleType,
    m: int,
    n: int,
    k: int,
) -> None:
    """matmul_grouped: every tile once, whatever the number of tiles; strides as they come."""
    a, b = reference.small_integers(data, m, k), reference.small_integers(data, k, n)
    c = reference.matmul(a, b)
    check(
        submission.matmul_grouped(a, data.strided(b, (1, max(k, 1)))),
        expected=c,
        exact=True,
        dtype=torch.float16,
        mistakes=reference.loop_mistakes(a, b),
    )


@points(1)
@hint("epilogue")
@cases("m, n, k", cpu=LINEAR_SIZES, gpu=[*LINEAR_SIZES, (300, 1000, 777)])
def test_linear_gelu_any_size(
    submission: Submission,
    check: Check,
    data: Data,
    reference: ModuleType,
    m: int,
    n: int,
    k: int,
) -> None:
    """linear_gelu: any size, the bias inside the activation."""
    x, w, bias = (data.normal(*shape, dtype=torch.float16) for shape in ((m, k), (n, k), (n,)))
    w = w / max(k, 1) ** 0.5  # sums of about 1, where gelu is no straight line
    check(
        submission.linear_gelu(x, w, bias),
        expected=reference.linear_gelu(x, w, bias),
        error=reference.linear_gelu_error(x, w, bias),
        dtype=torch.float16,
        mistakes=reference.epilogue_mistakes(x, w, bias),
    )


@points(1)
@hint("one rounding")
@cases("dtype", cpu=HALF_TYPES)
def test_linear_gelu_rounds_once(
    submission: Submission, check: Check, data: Data, reference: ModuleType, dtype: str
) -> None:
    """linear_gelu: bias and activation in fp32, before the only rounding."""
    shapes, kind = ((60, 40), (50, 40), (50,)), getattr(torch, dtype)
    x, w, bias = (reference.coarse_fractions(data, *shape, dtype=kind) for shape in shapes)
    call = submission.linear_gelu(x, w, bias)
    check(
        call,
        expected=reference.linear_gelu(x, w, bias),
        error=reference.linear_gelu_error(x, w, bias),
        dtype=kind,
        mistakes=reference.rounded_early(x, w, bias, lambda: call.output),
    )


def odd_call(
    worker: Submission, data: Data, reference: ModuleType, function: str
) -> tuple[Call, torch.Tensor, torch.Tensor]:
    """A call with sizes that fill no tile, what it must return, and the error allowed."""
    a, b = reference.small_integers(data, 37, 43), reference.small_integers(data, 43, 51)
    if function == "linear_gelu":
        w, bias = b.t().contiguous(), reference.small_integers(data, 51)
        inexact = reference.linear_gelu_error(a, w, bias)
        return worker.linear_gelu(a, w, bias), reference.linear_gelu(a, w, bias), inexact
    multiply = worker.matmul if function == "matmul" else worker.matmul_grouped
    return multiply(a, b), reference.matmul(a, b), torch.zeros(())


@points(1)
@hint("edges")
@cases("function", cpu=["matmul", "matmul_grouped", "linear_gelu"])
def test_stays_in_bounds(
    interpreted: Submission, check: Check, data: Data, reference: ModuleType, function: str
) -> None:
    """All three: no element outside the matrices is read or written."""
    call, expected, error = odd_call(interpreted, data, reference, function)
    check(call, expected=expected, error=error, dtype=torch.float16)


@points(2)
@hint("traffic")
@cases("function", cpu=["matmul", "matmul_grouped", "linear_gelu"])
def test_loads_few_elements(
    interpreted: Submission,
    check: Check,
    traffic: Traffic,
    data: Data,
    reference: ModuleType,
    function: str,
) -> None:
    """All three: no more loads than tiles of 32 x 32 cost."""
    m, n, k = 128, 128, 64
    a, b = reference.small_integers(data, m, k), reference.small_integers(data, k, n)
    arguments: tuple[torch.Tensor, ...] = (a, b)
    expected, error, limit = reference.matmul(a, b), 0.0, reference.traffic_limit(m, n, k)
    # Only the loads of a right result count: a kernel that forgets terms loads fewer.
    if function == "linear_gelu":
        arguments = (a, b.t().contiguous(), reference.small_integers(data, n))
        expected = reference.linear_gelu(*arguments)
        error, limit = reference.linear_gelu_error(*arguments), reference.traffic_limit(m, n, k, n)
    graded = getattr(interpreted, function)
    check(graded(*arguments), expected=expected, error=error, dtype=torch.float16)
    traffic(graded, *arguments, at_most=limit)


@points(3)
@hint("speed")
def test_grouped_speed_4096(submission: Submission, speed: Speed, reference: ModuleType) -> None:
    """matmul_grouped: 4096 x 4096 x 4096 in fp16 beside cuBLAS."""
    speed(
        submission.matmul_grouped,
        baseline="torch_matmul",
        inputs="medium_matrices",
        flops=2 * reference.MEDIUM**3,
    )


@points(3)
@hint("speed")
def test_grouped_speed_8192(submission: Submission, speed: Speed, reference: ModuleType) -> None:
    """matmul_grouped: 8192 x 8192 x 8192 in fp16 beside cuBLAS."""
    speed(
        submission.matmul_grouped,
        baseline="torch_matmul",
        inputs="large_matrices",
        flops=2 * reference.LARGE**3,
    )


@challenge
@hint("persistent")
@cases("m, n, k", cpu=PERSISTENT_SIZES, gpu=[*PERSISTENT_SIZES, (2008, 2056, 264)])
def test_persistent_any_size(
    submission: Submission,
    check: Check,
    data: Data,
    reference: ModuleType,
    m: int,
    n: int,
    k: int,
) -> None:
    """matmul_persistent: any size, by matmul where descriptors cannot be used."""
    a, b = reference.small_integers(data, m, k), reference.small_integers(data, k, n)
    call = submission.matmul_persistent(a, b.t().contiguous())
    if k % 8:  # the rows do not begin at multiples of 16 bytes
        call = replace(call, required_kernels=("matmul_kernel",))
    check(
        call,
        expected=reference.matmul(a, b),
        exact=True,
        dtype=torch.float16,
        mistakes=reference.loop_mistakes(a, b),
    )


@challenge
@hint("persistent")
def test_persistent_speed(submission: Submission, speed: Speed, reference: ModuleType) -> None:
    """matmul_persistent: 8192 x 8192 x 8192 in fp16 beside cuBLAS."""
    speed(
        submission.matmul_persistent,
        baseline="torch_matmul_transposed",
        inputs="large_matrices",
        flops=2 * reference.LARGE**3,
    )
