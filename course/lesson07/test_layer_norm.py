"""The graded tests of layer_norm: forward, gradients, memory accesses, speed.

The first case of each test is the one whose failure says most, since it speaks for the test.
"""

from __future__ import annotations

from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING, Any

import torch

from grader.testing import Mistake, Output, cases, fail, hint, points

if TYPE_CHECKING:
    from grader.judge.check import Check
    from grader.judge.submission import Submission
    from grader.judge.timing.speed import Speed
    from grader.judge.traffic import Traffic
    from grader.protocol.data import Data

NORMS = [
    (50, 100, "float32"),
    (45, 257, "bfloat16"),
    (3, 1024, "float16"),
    (1, 1, "float32"),
]


@points(1)
@hint("layer_norm")
@cases(
    "n_rows, n_columns, mean",
    cpu=[(7, 100, 3.0), (4, 1000, 1e4), (3, 1024, 0.0), (5, 1, 2.0), (2, 4099, -1.0)],
    gpu=[(7, 100, 3.0), (4, 1000, 1e4), (3, 1024, 0.0), (5, 1, 2.0), (301, 16_384, -1.0)],
)
def test_layer_norm_forward(
    submission: Submission,
    check: Check,
    data: Data,
    reference: ModuleType,
    n_rows: int,
    n_columns: int,
    mean: float,
) -> None:
    """layer_norm: rows of any length, also with a mean far from 0."""
    x = data.normal(n_rows, n_columns, mean=mean)
    weight, bias, eps = data.normal(n_columns), data.normal(n_columns), 0.01
    expected = reference.layer_norm(x, weight, bias, torch.ones_like(x), eps).y
    by = partial(reference.layer_norm_by, x, weight, bias, eps=eps)
    call = submission.layer_norm(x, weight, bias, eps)
    y = getattr(call.runs[0].result, "tensor", torch.empty(0))
    far = mean > 100 and y.shape == x.shape
    if far and reference.rows_are_scaled(y, x, weight, bias, eps):
        fail(
            "variance-cancelled",
            f"With a mean of {mean:g} the variance is wrong: mean(x^2) - mean^2 is the difference "
            "of two numbers that agree in all digits that fp32 has.",
        )
    check(
        call,
        expected=expected,
        # A mean of 10000 is itself rounded to 1e-3 / 2; what is left of x carries that error.
        error=(5e-3 if mean > 100 else 1e-5) * (1 + weight.abs().max().double()),
        dtype=torch.float32,
        mistakes=[
            Mistake(
                "masked-lanes-counted",
                "Masked lanes hold 0, and 0 - mean counts in the sum of squares. Set them to 0 "
                "after the mean was subtracted.",
                lambda: by(variance=reference.variance_with_masked_lanes(x)),
            ),
            Mistake(
                "unbiased-variance",
                "The variance was divided by n_columns - 1. Layer normalisation divides by "
                "n_columns.",
                lambda: by(variance=reference.unbiased_variance(x)),
            ),
        ],
    )


@points(1)
@hint("layer_norm gradients")
@cases(
    "n_rows, n_columns, dtype",
    cpu=NORMS,
    gpu=[
        (3000, 1000, "float32"),
        (45, 257, "float16"),
        (1, 1, "float32"),
        (1025, 8192, "bfloat16"),
        (3, 16_384, "float32"),
    ],
)
def test_layer_norm_gradients(
    submission: Submission,
    check: Check,
    data: Data,
    reference: ModuleType,
    n_rows: int,
    n_columns: int,
    dtype: str,
) -> None:
    """layer_norm: gradients of x, weight and bias, the same bits in each run."""
    kind, eps = getattr(torch, dtype), 1e-5
    x = data.normal(n_rows, n_columns, dtype=kind, mean=0.5)
    dy = data.normal(n_rows, n_columns, dtype=kind)
    weight, bias = data.normal(n_columns, dtype=kind), data.normal(n_columns, dtype=kind)
    right = reference.layer_norm(x, weight, bias, dy, eps)
    check.outputs(
        submission.layer_norm.grad(x, weight, bias, eps, wrt=(0, 1, 2), upstream=(dy,)),
        Output("y", right.y, error=1e-5 * (1 + right.y.abs().max()), dtype=kind),
        Output(
            "the gradient of x",
            right.dx,
            error=right.dx_error,
            dtype=kind,
            mistakes=[
                Mistake(
                    "means-missing",
                    "It is rstd * weight * dy: mean and rstd depend on x too, and each adds a "
                    "term.",
                    lambda: reference.dx_without_means(x, weight, dy, eps),
                )
            ],
        ),
        Output(
            "the gradient of weight",
            right.dw,
            error=right.dw_error,
            dtype=kind,
            mistakes=[
                Mistake(
                    "x-not-normalised",
                    "It is the sum of dy * x. It must be that of dy * x_hat.",
                    lambda: (dy.double() * x.double()).sum(0),
                ),
                Mistake(
                    "not-added-up",
                    "It holds the last row of each program only. Each row of a program adds its "
                    "part to those of the rows before.",
                    lambda: reference.weight_gradient_of_last_rows(x, dy, eps),
                ),
            ],
        ),
        Output("the gradient of bias", right.db, error=right.db_error, dtype=kind),
        deterministic=True,
    )


@points(1)
@hint("layer_norm traffic")
def test_layer_norm_traffic(
    interpreted: Submission, check: Check, traffic: Traffic, data: Data, reference: ModuleType
) -> None:
    """layer_norm: forward reads x once; backward reads x and dy once."""
    x, dy = data.normal(80, 192), data.normal(80, 192)
    weight, bias = data.normal(192), data.normal(192)
    right = reference.layer_norm(x, weight, bias, dy, 1e-5)
    arguments: dict[str, Any] = {"wrt": (0, 1, 2), "upstream": (dy,)}
    check.outputs(
        interpreted.layer_norm.grad(x, weight, bias, **arguments),
        Output("y", right.y, error=1e-5 * (1 + right.y.abs().max()), dtype=torch.float32),
        Output("the gradient of x", right.dx, error=right.dx_error, dtype=torch.float32),
        Output("the gradient of weight", right.dw, error=right.dw_error, dtype=torch.float32),
        Output("the gradient of bias", right.db, error=right.db_error, dtype=torch.float32),
    )
    # Where 4 passes over a matrix are the least, 5 are made, and 2 more by the weights and
    # biases that each program of the forward pass loads (on a GPU from its cache), and the
    # partial sums: 2.37 at this size. One more pass over x makes it 2.62.
    traffic(interpreted.layer_norm.grad, x, weight, bias, **arguments, at_most=2.5)


@points(2)
@hint("speed of layer_norm")
def test_layer_norm_speed(submission: Submission, speed: Speed, reference: ModuleType) -> None:
    """layer_norm: forward and backward faster than PyTorch, 32768 tokens, 8192 features."""
    speed(
        submission.layer_norm,
        baseline="torch_layer_norm",
        inputs="hidden_states",
        scenario="forward_backward_from",
        # Forward reads x and writes y, backward reads x and dy and writes dx.
        bytes_moved=10 * reference.NORM_ROWS * reference.NORM_COLUMNS,
    )
