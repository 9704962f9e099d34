"""The graded test of train: what a classifier learns with the kernels of this lesson."""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING, Any

import torch

from grader.judge.call import Returned
from grader.testing import Output, cases, fail, hint, points

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from grader.judge.call import Call
    from grader.judge.check import Check
    from grader.judge.submission import Submission
    from grader.protocol.data import Data

# Measured: training in fp32 ends within 1e-5 of training in float64.
TRAINING_ERROR = 1e-3


@points(1)
@hint("train")
@cases(
    "n_steps, batch_size",
    cpu=[(16, 8)],
    gpu=[(16, 8), (100, 256)],
)
def test_train(
    submission: Submission,
    check: Check,
    data: Data,
    reference: ModuleType,
    n_steps: int,
    batch_size: int,
) -> None:
    """train: the classifier becomes as good as the one that PyTorch trains."""
    task, rate = reference.task(data, 10 * batch_size, 12, 24, 3), 0.5
    expected = reference.train(task, n_steps, batch_size, rate)
    call = submission.train.run(
        "training",
        task.inputs,
        task.targets,
        task.parameters,
        n_steps,
        batch_size,
        rate,
        runs=1,
        guarded=False,
    )
    modelled = {
        "same-batch": (
            "Each step took the first batch. Step s takes the samples from s * batch_size on.",
            lambda: reference.train(task, n_steps, batch_size, rate, same_batch=True),
        ),
        "gradients-accumulated": (
            "Each step added the gradients of all earlier steps to its own. Set them to None "
            "before each backward pass, or use torch.autograd.grad.",
            lambda: reference.train(task, n_steps, batch_size, rate, accumulate=True),
        ),
        "not-trained": (
            "These are the parameters that training started from.",
            lambda: task.parameters,
        ),
    }
    judge_training(call, task, expected, modelled, reference)
    names = ("the first weight", "the norm's weight", "the norm's bias", "the last weight")
    outputs = [
        Output(name, right, error=TRAINING_ERROR, dtype=torch.float32)
        for name, right in zip(names, expected, strict=True)
    ]
    check.outputs(call, *outputs)


def judge_training(
    call: Call,
    task: Any,
    expected: tuple[torch.Tensor, ...],
    modelled: Mapping[str, tuple[str, Callable[[], tuple[torch.Tensor, ...]]]],
    reference: ModuleType,
) -> None:
    """Compare what was learned with what PyTorch learned, on samples that no training saw.

    Args:
        call: The training of the submission.
        task: What was to be learned, with the unseen samples.
        expected: The parameters that PyTorch's training ends with.
        modelled: Message of known mistakes and what computes their parameters, by kind.
        reference: The lesson's reference.

    Raises:
        Judged: It did much worse.
    """
    items = call.runs[0].result
    items = items if isinstance(items, tuple) else ()
    tensors = [item.tensor for item in items if isinstance(item, Returned)]
    if [each.shape for each in tensors] != [each.shape for each in expected]:
        return  # check says what is wrong with it
    loss, accuracy = reference.unseen_loss_and_accuracy(task, tensors)
    their_loss, their_accuracy = reference.unseen_loss_and_accuracy(task, expected)
    if loss < 1.5 * their_loss + 0.05 and accuracy > their_accuracy - 0.05:
        return
    found = (
        f"On unseen samples the loss is {loss:.3g} and {accuracy:.0%} are right; PyTorch's "
        f"training comes to {their_loss:.3g} and {their_accuracy:.0%}."
    )
    for kind, (message, trained) in modelled.items():
        wrong = trained()
        if all(
            torch.allclose(mine.double(), theirs.double(), rtol=1e-2, atol=TRAINING_ERROR)
            for mine, theirs in zip(tensors, wrong, strict=True)
        ):
            fail(kind, f"{found} {message}")
    start, _ = reference.unseen_loss_and_accuracy(task, task.parameters)
    if not loss < start:
        fail(
            "training-diverged",
            f"{found} It was {start:.3g} before: the steps are too large, or go uphill. A loss "
            "without 1 / N has a gradient N times too large, which plain gradient descent does "
            "not forgive.",
        )
    fail("trained-too-little", f"{found} Did every step update all four parameters?")
