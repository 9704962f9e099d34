"""The graded tests of cross_entropy and focal_loss: losses, gradients, memory accesses, speed.

The first case of each test is the one whose failure says most, since it speaks for the test.
"""

from __future__ import annotations

import math
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING

import torch

from grader.testing import Mistake, Output, cases, hint, points

if TYPE_CHECKING:
    from collections.abc import Callable

    from grader.judge.check import Check
    from grader.judge.submission import Submission
    from grader.judge.timing.speed import Speed
    from grader.judge.traffic import Traffic
    from grader.protocol.data import Data

VOCABULARIES = [(7, 1000), (3, 20_011), (2, 8192), (4, 2), (3, 1)]
GRADIENTS = [
    (6, 1001, 1001, "float32"),
    (3, 20_011, 20_011, "bfloat16"),
    (5, 777, 1031, "float16"),
    (4, 2, 2, "float32"),
    (3, 600, 1029, "float32"),
]
NOT_AVERAGED = "It is N times too large: each row's share of a mean has 1 / N in it."
ALL_ROWS = (
    "It was divided by the number of all rows. The mean is over the N rows that are not ignored."
)


def loss_output(
    reference: ModuleType, expected: torch.Tensor, logits: torch.Tensor, *mistakes: Mistake
) -> Output:
    """What the loss that these logits give must be."""
    error = reference.loss_error(expected, logits)
    return Output("the loss", expected, False, error, torch.float32, mistakes)


def times(factor: float, expected: torch.Tensor) -> Callable[[], torch.Tensor]:
    """A wrong result that is the right one times a number."""
    return lambda: factor * expected


@points(1)
@hint("lse")
@cases("n_rows, n_columns", cpu=VOCABULARIES, gpu=[*VOCABULARIES, (300, 128_257)])
def test_cross_entropy_loss(
    submission: Submission,
    check: Check,
    data: Data,
    reference: ModuleType,
    n_rows: int,
    n_columns: int,
) -> None:
    """cross_entropy: the loss, for vocabularies of any size."""
    # Logits around -30: a lane that is masked out, but counted as a logit of 0, is seen.
    logits = data.normal(n_rows, n_columns, mean=-30.0)
    targets = data.integers(0, n_columns, n_rows)
    expected = reference.cross_entropy(logits, targets, reference.Terms())
    check(
        submission.cross_entropy(logits, targets),
        expected=expected,
        error=reference.loss_error(expected, logits),
        dtype=torch.float32,
        mistakes=[
            Mistake("not-averaged", NOT_AVERAGED, times(n_rows, expected)),
            Mistake(
                "masked-lanes-counted",
                "Masked lanes count as logits of 0. What must they be loaded as, so that their "
                "exponential is 0?",
                lambda: reference.with_masked_lanes(logits, targets),
            ),
            Mistake(
                "sum-not-rescaled",
                "When a later block holds a larger logit, the sum so far is too large by "
                "exp(new largest - old largest): it must be divided by that.",
                lambda: reference.sum_not_rescaled(logits, targets),
            ),
        ],
    )


@points(1)
@hint("large logits")
@cases("kind", cpu=["spread", "shifted", "masked"])
def test_cross_entropy_large_logits(
    submission: Submission, check: Check, data: Data, reference: ModuleType, kind: str
) -> None:
    """cross_entropy: logits of plus and minus 10000, and -inf for words that cannot follow."""
    logits, targets = data.normal(4, 18_001), data.integers(17_000, 18_001, 4)
    if kind == "masked":
        logits[:, :17_000] = -math.inf  # more than a block of nothing else
    else:
        logits = logits * 1e4 if kind == "spread" else logits + torch.tensor([[1e4], [-1e4]] * 2)
    loss = partial(reference.cross_entropy, targets=targets, terms=reference.Terms())
    expected = loss(logits)
    check.outputs(
        submission.cross_entropy.grad(logits, targets, wrt=(0,)),
        loss_output(reference, expected, logits),
        Output(
            "the gradient",
            reference.loss_gradient(loss, logits),
            error=reference.gradient_error(logits, 4),
            dtype=torch.float32,
        ),
    )


@points(2)
@hint("gradient")
@cases(
    "n_rows, n_columns, row_stride, dtype",
    cpu=GRADIENTS,
    gpu=[*GRADIENTS, (257, 32_001, 32_008, "bfloat16")],
)
def test_cross_entropy_gradient(
    submission: Submission,
    check: Check,
    data: Data,
    reference: ModuleType,
    n_rows: int,
    n_columns: int,
    row_stride: int,
    dtype: str,
) -> None:
    """cross_entropy: the gradient, for any upstream gradient; rows may lie at any distance."""
    kind = getattr(torch, dtype)
    upstream = 3.0 if kind == torch.float32 else 1.0
    logits = data.normal(n_rows, n_columns, dtype=kind, std=3.0)
    targets = data.integers(0, n_columns, n_rows)
    loss = partial(reference.cross_entropy, targets=targets, terms=reference.Terms())
    gradient = reference.loss_gradient(loss, logits, upstream)
    rows = torch.arange(n_rows)
    without_target = gradient.clone()
    without_target[rows, targets] += upstream / n_rows
    apart = data.strided(logits, (row_stride, 1))
    call = submission.cross_entropy.grad(
        apart, targets, wrt=(0,), upstream=(torch.tensor(upstream),)
    )
    expected = loss(logits)
    check.outputs(
        call,
        loss_output(reference, expected, logits),
        Output(
            "the gradient",
            gradient,
            error=reference.gradient_error(logits, n_rows, upstream),
            dtype=kind,
            mistakes=[
                Mistake(
                    "upstream-dropped",
                    f"It is right for an upstream gradient of 1 only, and it is {upstream:g}: "
                    "what arrives in backward() must be a factor of every element.",
                    times(1 / upstream, gradient),
                ),
                Mistake("not-averaged", NOT_AVERAGED, times(n_rows, gradient)),
                Mistake(
                    "target-term-missing",
                    "It is p / N everywhere. From the element of the target 1 / N is subtracted.",
                    without_target,
                ),
                Mistake("wrong-sign", "It points the other way.", times(-1.0, gradient)),
            ],
        ),
    )


@points(1)
@hint("ignored rows")
@cases(
    "ignored, ignore_index",
    cpu=[("some", -100), ("all", -100), ("some", 2), ("all", 2), ("none", -1)],
)
def test_cross_entropy_ignored_rows(
    submission: Submission,
    check: Check,
    data: Data,
    reference: ModuleType,
    ignored: str,
    ignore_index: int,
) -> None:
    """cross_entropy: ignored rows count neither in the mean nor in the gradient."""
    n_rows, n_columns = 9, 601
    logits, targets = data.normal(n_rows, n_columns), data.integers(3, n_columns, n_rows)
    left_out = {"some": [0, 3, 4, 8], "all": range(n_rows), "none": []}[ignored]
    for row in left_out:
        targets[row] = ignore_index
        logits[row, row] = math.nan  # 0 times NaN is no 0
    terms = reference.Terms(ignore_index)
    loss = partial(reference.cross_entropy, targets=targets, terms=terms)
    n_counted = n_rows - len(left_out)
    expected, gradient = loss(logits), reference.loss_gradient(loss, logits)
    share = n_counted / n_rows
    check.outputs(
        submission.cross_entropy.grad(logits, targets, wrt=(0,), ignore_index=ignore_index),
        loss_output(
            reference,
            expected,
            logits,
            Mistake("divided-by-all-rows", ALL_ROWS, times(share, expected)),
        ),
        Output(
            "the gradient",
            gradient,
            error=reference.gradient_error(logits, n_counted) * (targets != ignore_index)[:, None],
            dtype=torch.float32,
            mistakes=[Mistake("divided-by-all-rows", ALL_ROWS, times(share, gradient))],
        ),
    )


@points(1)
@hint("smoothing and z-loss")
@cases(
    "label_smoothing, z_loss",
    cpu=[(0.0, 0.1), (0.1, 0.0), (0.3, 0.02), (1.0, 0.0)],
)
def test_cross_entropy_smoothing_and_z_loss(
    submission: Submission,
    check: Check,
    data: Data,
    reference: ModuleType,
    label_smoothing: float,
    z_loss: float,
) -> None:
    """cross_entropy: label smoothing and z-loss, in the loss and in the gradient."""
    logits, targets = data.normal(6, 11, std=2.0), data.integers(0, 11, 6)
    targets[2] = -100
    terms = reference.Terms(-100, label_smoothing, z_loss)
    plain = reference.Terms(-100, label_smoothing)
    loss = partial(reference.cross_entropy, targets=targets)
    smoothed = partial(reference.smoothed_over_others, targets=targets, terms=terms)
    expected = loss(logits, terms=terms)
    over_others = (
        "The smoothed part was shared by the V - 1 other columns. Here it is shared by all V "
        "columns, the target's among them."
    )
    no_z = "The term z_loss * lse^2 is missing."
    no_z_gradient = (
        "The term z_loss * lse^2 of the loss is missing in the gradient: its derivative is "
        "2 z_loss lse p."
    )
    check.outputs(
        submission.cross_entropy.grad(
            logits, targets, wrt=(0,), label_smoothing=label_smoothing, z_loss=z_loss
        ),
        loss_output(
            reference,
            expected,
            logits,
            Mistake("z-loss-missing", no_z, lambda: loss(logits, terms=plain)),
            Mistake("smoothing-over-others", over_others, lambda: smoothed(logits)),
        ),
        Output(
            "the gradient",
            reference.loss_gradient(partial(loss, terms=terms), logits),
            error=reference.gradient_error(logits, 5),
            dtype=torch.float32,
            mistakes=[
                Mistake(
                    "z-loss-gradient-missing",
                    no_z_gradient,
                    lambda: reference.loss_gradient(partial(loss, terms=plain), logits),
                ),
                Mistake(
                    "smoothing-over-others",
                    over_others,
                    lambda: reference.loss_gradient(smoothed, logits),
                ),
            ],
        ),
    )


@points(1)
@hint("upstream")
@cases("dtype, upstream", cpu=[("float32", -2.5), ("bfloat16", 0.7), ("float32", 0.0)])
def test_cross_entropy_backward_twice(
    submission: Submission,
    check: Check,
    data: Data,
    reference: ModuleType,
    dtype: str,
    upstream: float,
) -> None:
    """cross_entropy: backward a second time over the same graph gives the same."""
    kind = getattr(torch, dtype)
    logits, targets = data.normal(5, 700, dtype=kind), data.integers(0, 700, 5)
    loss = partial(reference.cross_entropy, targets=targets, terms=reference.Terms())
    gradient = reference.loss_gradient(loss, logits, upstream)
    call = submission.cross_entropy.grad(
        logits, targets, wrt=(0,), upstream=(torch.tensor(upstream),), passes=2
    )
    expected = loss(logits)
    check.outputs(
        call,
        loss_output(reference, expected, logits),
        Output(
            "the gradient of the second pass",
            gradient,
            error=reference.gradient_error(logits, 5, upstream)
            + reference.second_rounding(gradient, kind),
            dtype=kind,
            mistakes=[
                Mistake(
                    "scaled-twice",
                    "The upstream gradient is in it twice: the first pass multiplied what was "
                    "saved for all passes.",
                    times(upstream, gradient),
                ),
                Mistake(
                    "upstream-dropped",
                    "The upstream gradient is no factor of it.",
                    lambda: reference.loss_gradient(loss, logits),
                ),
            ],
        ),
    )


def focal_case(
    data: Data, n_rows: int, n_columns: int, confident: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits and targets; if confident, some targets have a probability of 1 in fp32."""
    logits, targets = data.normal(n_rows, n_columns, std=2.0), data.integers(0, n_columns, n_rows)
    if confident:
        rows = torch.arange(0, n_rows, 2)
        logits[rows, targets[rows]] = 60.0
    return logits, targets


@points(1)
@hint("focal loss")
@cases("n_columns, gamma", cpu=[(10, 2.0), (9001, 1.5), (10, 0.0), (13, 1.0), (1, 2.0)])
def test_focal_loss(
    submission: Submission,
    check: Check,
    data: Data,
    reference: ModuleType,
    n_columns: int,
    gamma: float,
) -> None:
    """focal_loss: the loss, where the target is unlikely and where it is certain."""
    logits, targets = focal_case(data, 6, n_columns, confident=True)
    expected = reference.focal_loss(logits, targets, gamma)
    check(
        submission.focal_loss(logits, targets, gamma),
        expected=expected,
        error=reference.loss_error(expected, logits),
        dtype=torch.float32,
        mistakes=[
            Mistake(
                "focusing-factor-missing",
                "This is cross-entropy: the factor (1 - p)^gamma is missing.",
                lambda: reference.focal_loss(logits, targets, 0.0),
            )
        ],
    )


@points(1)
@hint("focal gradient")
@cases(
    "n_columns, gamma, dtype",
    cpu=[
        (10, 2.0, "float32"),
        (9001, 1.5, "bfloat16"),
        (13, 1.0, "float32"),
        (10, 0.0, "float32"),
        (5, 5.0, "float16"),
    ],
)
def test_focal_loss_gradient(
    submission: Submission,
    check: Check,
    data: Data,
    reference: ModuleType,
    n_columns: int,
    gamma: float,
    dtype: str,
) -> None:
    """focal_loss: the gradient, for any upstream gradient and also where p is 1."""
    logits, targets = focal_case(data, 6, n_columns, confident=True)
    logits, upstream = logits.to(getattr(torch, dtype)), 3.0
    loss = partial(reference.focal_loss, targets=targets, gamma=gamma)
    gradient = reference.loss_gradient(loss, logits, upstream)
    call = submission.focal_loss.grad(
        logits, targets, gamma, wrt=(0,), upstream=(torch.tensor(upstream),)
    )
    expected = loss(logits)
    check.outputs(
        call,
        loss_output(reference, expected, logits),
        Output(
            "the gradient",
            gradient,
            # The slope is at most 1 + gamma times as steep as that of cross-entropy.
            error=(1 + gamma) * reference.gradient_error(logits, 6, upstream),
            dtype=logits.dtype,
            mistakes=[
                Mistake(
                    "log-term-missing",
                    "(1 - p)^gamma depends on the logits too: the term with gamma "
                    "(1 - p)^(gamma - 1) p log p is missing.",
                    lambda: reference.focal_gradient_without_log(logits, targets, gamma, upstream),
                ),
                Mistake(
                    "upstream-dropped",
                    "The upstream gradient, 3 here, is no factor of it.",
                    times(1 / upstream, gradient),
                ),
                Mistake("not-averaged", NOT_AVERAGED, times(6, gradient)),
                Mistake("wrong-sign", "It points the other way.", times(-1.0, gradient)),
            ],
        ),
    )


@points(1)
@hint("two reads")
def test_cross_entropy_reads_logits_twice(
    interpreted: Submission, check: Check, traffic: Traffic, data: Data, reference: ModuleType
) -> None:
    """cross_entropy: forward and backward read the logits twice and write the gradient once."""
    logits, targets = data.normal(3, 20_011), data.integers(0, 20_011, 3)
    loss = partial(reference.cross_entropy, targets=targets, terms=reference.Terms())
    expected = loss(logits)
    # Only the bytes of a right result count: a kernel that forgets elements moves fewer.
    check.outputs(
        interpreted.cross_entropy.grad(logits, targets, wrt=(0,)),
        loss_output(reference, expected, logits),
        Output(
            "the gradient",
            reference.loss_gradient(loss, logits),
            error=reference.gradient_error(logits, 3),
            dtype=torch.float32,
        ),
    )
    # Two reads and a write over a read and a write: 1.5. A third read would make it 2, a
    # gradient multiplied by 1 in the backward pass 2.5.
    traffic(interpreted.cross_entropy.grad, logits, targets, wrt=(0,), at_most=1.6)


@points(2)
@hint("speed")
def test_cross_entropy_speed_large_vocabulary(
    submission: Submission, speed: Speed, reference: ModuleType
) -> None:
    """cross_entropy: forward and backward faster than PyTorch, 4096 tokens, 128256 words."""
    speed(
        submission.cross_entropy,
        baseline="torch_cross_entropy",
        inputs="large_vocabulary",
        scenario="forward_backward",
        # The least: read the logits once, write the gradient once.
        bytes_moved=4 * reference.LARGE_ROWS * reference.LARGE_COLUMNS,
    )


@points(2)
@hint("speed")
def test_cross_entropy_speed(submission: Submission, speed: Speed, reference: ModuleType) -> None:
    """cross_entropy: forward and backward faster than PyTorch, 16384 tokens, 32000 words."""
    speed(
        submission.cross_entropy,
        baseline="torch_cross_entropy",
        inputs="smaller_vocabulary",
        scenario="forward_backward",
        bytes_moved=4 * reference.SMALLER_ROWS * reference.SMALLER_COLUMNS,
    )
