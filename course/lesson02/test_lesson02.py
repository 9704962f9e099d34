"""The graded tests of lesson 2: add_mul, bias_gelu_residual, dropout_scale and its backward.

12 points for right results, 2 for memory, 6 for speed. The first case of each test is the one
whose failure says most, since it speaks for the test.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING, Any

import torch

from grader.testing import Mistake, cases, hint, points

if TYPE_CHECKING:
    from grader.judge.call import Call
    from grader.judge.check import Check
    from grader.judge.peak_memory import PeakMemory
    from grader.judge.submission import Submission
    from grader.judge.timing.speed import Speed
    from grader.judge.traffic import Traffic
    from grader.protocol.data import Data

HALF_TYPES = ["bfloat16", "float16"]
LENGTHS = [4099, 1025, 1024, 1023, 1, 0]
SHAPES = [(11, 1300), (50, 9), (8, 512), (1, 1), (1, 1300), (0, 5), (5, 0)]
STRIDES = [(6, 1100, 1107, 1100), (9, 40, 40, 64), (5, 600, 0, 601), (3, 300, 2**30 + 64, 300)]
MASKS = [
    ((4099,), 0.5, 7, "float32"),
    ((2500,), 0.1, 0, "float16"),
    ((1025,), 0.9, 2**31 - 1, "bfloat16"),
    ((5, 7, 31), 0.25, 2**40 + 3, "float32"),
    ((), 0.5, 1, "float32"),
    ((3, 0), 0.5, 16, "float32"),
]
GRADIENTS = [((3001,), 0.5, 7, "float32"), ((40, 33), 0.2, 2**33 + 1, "bfloat16")]
SEED = 20


@points(2)
@hint("fusion")
@cases("n", cpu=LENGTHS, gpu=[*LENGTHS, 1_000_003])
def test_add_mul_any_length(
    submission: Submission, check: Check, data: Data, reference: ModuleType, n: int
) -> None:
    """add_mul: tensors of any length, even empty."""
    x, y, z = (data.normal(n) for _ in range(3))
    call = submission.add_mul(x, y, z)
    check(
        call,
        expected=reference.add_mul(x, y, z),
        exact=True,
        mistakes=add_mul_mistakes(reference, call, x, y, z),
    )


@points(1)
@hint("precision")
@cases("dtype", cpu=HALF_TYPES)
def test_add_mul_half_precision(
    submission: Submission, check: Check, data: Data, reference: ModuleType, dtype: str
) -> None:
    """add_mul: fp16 and bf16 computed in fp32 and rounded once."""
    x, y, z = (data.normal(40, 77, dtype=getattr(torch, dtype)) for _ in range(3))
    # A sum beyond 65504, the largest fp16 number, that the product brings back.
    x[3, 5], y[3, 5], z[3, 5] = 60000.0, 20000.0, 0.125
    message = (
        f"x + y was rounded to {dtype} before the multiplication. Convert what you load to "
        "tl.float32; the store rounds the product, and that is the only rounding."
    )
    narrow = Mistake("low-precision", message, partial(reference.add_mul_rounded_twice, x, y, z))
    check(
        submission.add_mul(x, y, z),
        expected=reference.add_mul(x, y, z),
        exact=True,
        mistakes=[narrow],
    )


def add_mul_mistakes(
    reference: ModuleType, call: Call, x: torch.Tensor, y: torch.Tensor, z: torch.Tensor
) -> list[Mistake]:
    """What is often computed in place of (x + y) * z."""
    told = {
        "precedence": (
            reference.add_mul_without_parentheses,
            "The result is x + y * z: the sum needs parentheses.",
        ),
        "distributed": (
            reference.add_mul_distributed,
            "The result is x * z + y * z, which loses digits where x and y nearly cancel. "
            "(x + y) * z is asked.",
        ),
    }
    return [
        Mistake(kind, message, partial(nearly, reference, call, model, x, y, z))
        for kind, (model, message) in told.items()
    ]


def nearly(
    reference: ModuleType,
    call: Call,
    model: Callable[..., torch.Tensor],
    *args: torch.Tensor,
) -> torch.Tensor:
    """What a mistake yields, and the call's own values where they are as good as that.

    The terms of these sums may cancel, so two right ways to make one mistake differ by more than
    a few units in the last place of the result.

    Args:
        reference: The lesson's reference.
        call: What is judged.
        model: The mistake, in float64.
        *args: The arguments of call and model.
    """
    predicted = model(*args)
    got, margin = returned(call, predicted), reference.fp32_margin(*args)
    return torch.where((got - predicted).abs() <= margin, got, predicted)


def returned(call: Call, default: torch.Tensor) -> torch.Tensor:
    """The tensor that a call returned in float64; if it is none of that shape, the default."""
    got = getattr(call.runs[0].result, "tensor", default)
    return got.double() if got.shape == default.shape else default


@points(2)
@hint("tile")
@cases("n_rows, n_columns", cpu=SHAPES, gpu=[*SHAPES, (1_100_001, 2), (3, 70_001)])
def test_bias_gelu_residual_any_shape(
    submission: Submission,
    check: Check,
    data: Data,
    reference: ModuleType,
    n_rows: int,
    n_columns: int,
) -> None:
    """bias_gelu_residual: matrices of any height and width."""
    x, bias, residual = layer(data, n_rows, n_columns, torch.float32)
    expected = reference.bias_gelu_residual(x, bias, residual)
    call = submission.bias_gelu_residual(x, bias, residual)
    check(
        call,
        expected=expected,
        error=reference.bias_gelu_residual_error(expected, residual),
        dtype=torch.float32,
        mistakes=formula_mistakes(reference, call, x, bias, residual),
    )


@points(1)
@hint("precision")
@cases("dtype", cpu=HALF_TYPES)
def test_bias_gelu_residual_half_precision(
    submission: Submission, check: Check, data: Data, reference: ModuleType, dtype: str
) -> None:
    """bias_gelu_residual: fp16 and bf16 computed in fp32 and rounded once."""
    kind = getattr(torch, dtype)
    x, bias, residual = layer(data, 21, 300, kind)
    expected = reference.bias_gelu_residual(x, bias, residual)
    message = (
        f"What lies between the operations was rounded to {dtype}, as if they were not fused. "
        "Convert x, bias and residual to tl.float32 first; only the store rounds."
    )
    models = (reference.with_narrow_sum, reference.with_narrow_steps)
    check(
        submission.bias_gelu_residual(x, bias, residual),
        expected=expected,
        error=reference.bias_gelu_residual_error(expected, residual),
        dtype=kind,
        mistakes=[
            Mistake("low-precision", message, partial(model, x, bias, residual)) for model in models
        ],
    )


@points(1)
@hint("large values")
def test_bias_gelu_residual_large_values(
    submission: Submission, check: Check, reference: ModuleType
) -> None:
    """bias_gelu_residual: large positive and negative values, infinity and NaN."""
    sizes = torch.tensor([3.0, 6.0, 10.0, 20.0, 50.0, 88.0, 100.0, 1e4, 1e15, 1e30])
    x = torch.cat([sizes, -sizes, torch.tensor([float("inf"), float("nan"), 0.0])])[None, :]
    bias, residual = torch.zeros(x.shape[1]), torch.full(x.shape, 0.25)
    expected = reference.bias_gelu_residual(x, bias, residual)
    message = (
        "The result is NaN where exp(2u) is infinite: tanh(u) as (exp(2u) - 1) / (exp(2u) + 1) "
        "is inf / inf there. Write the formula so that an exponential that overflows, or "
        "underflows, still gives the right limit."
    )
    overflowing = partial(reference.with_overflowing_tanh, x, bias, residual)
    check(
        submission.bias_gelu_residual(x, bias, residual),
        expected=expected,
        error=reference.bias_gelu_residual_error(expected, residual),
        dtype=torch.float32,
        mistakes=[Mistake("exp-overflow", message, overflowing)],
    )


@points(1)
@hint("stride")
@cases("n_rows, n_columns, x_stride, residual_stride", cpu=STRIDES)
def test_bias_gelu_residual_any_stride(
    submission: Submission,
    check: Check,
    data: Data,
    reference: ModuleType,
    n_rows: int,
    n_columns: int,
    x_stride: int,
    residual_stride: int,
) -> None:
    """bias_gelu_residual: rows at any distance, even beyond 2^31 elements."""
    x, bias, residual = layer(data, n_rows, n_columns, torch.float16)
    x, residual = rows_apart(data, x, x_stride), rows_apart(data, residual, residual_stride)
    near = (x.to(bias.device), bias, residual.to(bias.device))  # rows far apart lie on the host
    expected = reference.bias_gelu_residual(*near)
    check(
        submission.bias_gelu_residual(x, bias, residual),
        expected=expected,
        error=reference.bias_gelu_residual_error(expected, near[2]),
        dtype=torch.float16,
    )


def rows_apart(data: Data, matrix: torch.Tensor, row_stride: int) -> torch.Tensor:
    """The matrix with its rows at that distance; its first row, repeated, at distance 0."""
    values = matrix if row_stride else matrix[:1].expand_as(matrix)
    return data.strided(values, (row_stride, 1))


def layer(
    data: Data, n_rows: int, n_columns: int, dtype: torch.dtype
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """x, bias and residual, over the range where GELU bends."""
    x = data.normal(n_rows, n_columns, dtype=dtype, std=2.0)
    return x, data.normal(n_columns, dtype=dtype), data.normal(n_rows, n_columns, dtype=dtype)


def formula_mistakes(reference: ModuleType, call: Call, *args: torch.Tensor) -> list[Mistake]:
    """What is often computed in place of gelu_tanh(x + bias) + residual."""
    x = args[0]
    told = {
        "erf-gelu": (reference.with_erf, "This is the erf form of GELU; its tanh form is asked."),
        "quick-gelu": (
            reference.with_quick_gelu,
            "This is v * sigmoid(1.702 v); the tanh form of GELU is asked.",
        ),
        "residual-before-gelu": (
            reference.with_residual_inside,
            "The result is gelu(x + bias + residual): the residual comes after the activation.",
        ),
        "bias-after-gelu": (
            reference.with_bias_outside,
            "The result is gelu(x) + bias + residual: the bias comes before the activation.",
        ),
        "bias-by-row": (
            reference.with_bias_by_row,
            "Element (i, j) got bias[i], it must get bias[j]: the bias has one value a column.",
        ),
    }
    if x.shape[0] > x.shape[1]:
        del told["bias-by-row"]  # the bias has no element for each row
    return [
        Mistake(kind, message, partial(nearly, reference, call, model, *args))
        for kind, (model, message) in told.items()
    ]


@points(2)
@hint("random mask")
@cases("shape, p, seed, dtype", cpu=MASKS, gpu=[*MASKS, ((1009, 1013), 0.3, 2**62 + 5, "float32")])
def test_dropout_mask(
    submission: Submission,
    check: Check,
    data: Data,
    reference: ModuleType,
    shape: tuple[int, ...],
    p: float,
    seed: int,
    dtype: str,
) -> None:
    """dropout_scale: drops the elements that seed and index choose, scales the others."""
    x = data.uniform(0.5, 2.0, *shape, dtype=getattr(torch, dtype))
    judge_dropout(check, submission.dropout_scale(x, p, seed), reference, x, p, seed)


@points(1)
@hint("dropout limits")
@cases("dropped", cpu=["all", "none", "one at the threshold"])
def test_dropout_limits(
    submission: Submission, check: Check, data: Data, reference: ModuleType, dropped: str
) -> None:
    """dropout_scale: p = 0, p = 1 and p equal to a random number; dropped NaN and infinity."""
    x = data.normal(700)
    x[7::50], x[9::50], x[11::50] = float("inf"), float("-inf"), float("nan")
    numbers = reference.random_numbers(SEED, torch.arange(700))
    p = {"all": 1.0, "none": 0.0}.get(dropped, float(numbers[123]))
    x[123] = 1.0  # neither infinite nor NaN, to show on which side the threshold lies
    above = Mistake(
        "threshold-dropped",
        "An element whose random number equals p was dropped; it is kept: keep is rand >= p.",
        lambda: reference.chosen(x, p, numbers > p),
    )
    call = submission.dropout_scale(x, p, SEED)
    judge_dropout(check, call, reference, x, p, SEED, [above])


@points(1)
@hint("backward")
@cases("shape, p, seed, dtype", cpu=GRADIENTS, gpu=[*GRADIENTS, ((1_000_003,), 0.1, 3, "float32")])
def test_dropout_backward(
    submission: Submission,
    check: Check,
    data: Data,
    reference: ModuleType,
    shape: tuple[int, ...],
    p: float,
    seed: int,
    dtype: str,
) -> None:
    """dropout_scale_backward: gradients pass where the forward call kept, and only there."""
    dy = data.uniform(0.5, 2.0, *shape, dtype=getattr(torch, dtype))
    every = Mistake(
        "mask-missing",
        "The gradient of a dropped element is not 0. Its output was 0 whatever x was, so no "
        "gradient passes: compute the forward call's mask again from p and seed.",
        lambda: reference.chosen(dy, p, torch.ones_like(dy, dtype=torch.bool)),
    )
    call = submission.dropout_scale_backward(dy, p, seed)
    judge_dropout(check, call, reference, dy, p, seed, [every])


def judge_dropout(
    check: Check,
    call: Call,
    reference: ModuleType,
    x: torch.Tensor,
    p: float,
    seed: int,
    special: Sequence[Mistake] = (),
) -> None:
    """Compare with the exact mask, and the kept values within two units in the last place."""
    check(
        call,
        expected=reference.dropout_scale(x, p, seed),
        error=reference.dropout_scale_error(x, p),
        dtype=x.dtype,
        mistakes=[
            *special,
            *choice_mistakes(reference, call, x, p, seed),
            *offset_mistakes(reference, x, p, seed),
            *stream_mistakes(reference, call, x, p),
        ],
    )


def choice_mistakes(
    reference: ModuleType, call: Call, x: torch.Tensor, p: float, seed: int
) -> list[Mistake]:
    """The right random numbers, used wrongly."""
    keep = reference.kept(x, p, seed)
    scaled = "Kept elements have to be multiplied by 1 / (1 - p), they came out as x itself."
    found = [Mistake("not-scaled", scaled, lambda: torch.where(keep, x.double(), 0.0))]
    survived = returned(call, x) != 0
    if torch.equal(survived, ~keep):
        inverted = (
            "Just those elements were kept that should be dropped: an element is kept if its "
            "random number is at least p."
        )
        values = returned(call, x.double())
        found.append(Mistake("mask-inverted", inverted, values))
    return found


def offset_mistakes(reference: ModuleType, x: torch.Tensor, p: float, seed: int) -> list[Mistake]:
    """Random numbers that belong to a block instead of an element, for the usual block sizes."""
    constant = (
        "Blocks of {0} elements are kept or dropped as a whole: all lanes of a program got one "
        "random number. Each element needs its own offset in tl.rand."
    )
    repeated = (
        "The mask repeats every {0} elements: tl.rand got offsets that count from the start of "
        "the block. They must count from the start of the tensor."
    )
    seeded = (
        "Each block of {0} elements has a seed of its own, so the mask changes with the block "
        "size. Use one seed, and offsets that count from the start of the tensor."
    )
    models = {
        ("random-number-per-block", constant): reference.dropout_one_number_a_block,
        ("mask-repeats", repeated): reference.dropout_same_in_each_block,
        ("seed-per-block", seeded): reference.dropout_seed_of_each_block,
    }
    return [
        Mistake(kind, message.format(block), partial(model, x, p, seed, block))
        for block in reference.BLOCKS
        if block < 2 * x.numel()
        for (kind, message), model in models.items()
    ]


def stream_mistakes(reference: ModuleType, call: Call, x: torch.Tensor, p: float) -> list[Mistake]:
    """Every element dropped or scaled as it should be, but not those that should be."""
    if p in (0, 1):
        return []  # there is nothing to choose
    message = (
        "Elements are dropped and scaled as they should be, but others than seed and index "
        "choose. Element i, counted through the whole tensor, is kept if tl.rand(seed, i) >= p."
    )
    survived = returned(call, x) != 0
    return [Mistake("another-mask", message, lambda: reference.chosen(x, p, survived))]


FUNCTIONS = {"add_mul": 1.0, "bias_gelu_residual": 1.05, "dropout_scale": 1.0}


@points(1)
@hint("traffic")
@cases("function", cpu=[*FUNCTIONS])
def test_moves_each_byte_once(
    interpreted: Submission,
    check: Check,
    traffic: Traffic,
    data: Data,
    reference: ModuleType,
    function: str,
) -> None:
    """All three: everything is read once and written once, and nothing else is touched."""
    arguments: dict[str, tuple[Any, ...]] = {
        "add_mul": (data.normal(4099), data.normal(4099), data.normal(4099)),
        "bias_gelu_residual": layer(data, 61, 600, torch.float32),
        # Nothing is dropped, since a kernel may well leave out loading what it drops.
        "dropout_scale": (data.normal(4099), 0.0, SEED),
    }
    args, graded = arguments[function], getattr(interpreted, function)
    # Only the bytes of a right result count: a kernel that forgets elements moves fewer.
    expected = getattr(reference, function)(*args)
    check(graded(*args), expected=expected, error=1e-5, dtype=torch.float32)
    traffic(graded, *args, at_most=FUNCTIONS[function])


@points(1)
@hint("memory")
@cases("function", cpu=[*FUNCTIONS, "dropout_scale_backward"])
def test_needs_no_temporary(
    submission: Submission, peak_memory: PeakMemory, data: Data, function: str
) -> None:
    """All four: no memory beside the inputs and the result."""
    x = data.normal(2048, 2048)
    arguments: dict[str, tuple[Any, ...]] = {
        "add_mul": (x, x.clone(), x.clone()),
        "bias_gelu_residual": (x, data.normal(2048), x.clone()),
    }
    args = arguments.get(function, (x, 0.1, SEED))
    peak_memory(getattr(submission, function), *args, at_most_bytes=x.nbytes)


@points(3)
@hint("speed")
def test_add_mul_speed(submission: Submission, speed: Speed, reference: ModuleType) -> None:
    """add_mul: faster than PyTorch's two operations on 2^26 elements in fp32."""
    speed(
        submission.add_mul,
        baseline="eager_add_mul",
        inputs="large_vectors",
        bytes_moved=reference.ADD_MUL_BYTES,
    )


@points(3)
@hint("speed")
def test_bias_gelu_residual_speed(
    submission: Submission, speed: Speed, reference: ModuleType
) -> None:
    """bias_gelu_residual: faster than PyTorch's three operations on 8192 x 4096 in bf16."""
    speed(
        submission.bias_gelu_residual,
        baseline="eager_bias_gelu_residual",
        inputs="large_layer",
        bytes_moved=reference.GELU_BYTES,
    )
