"""The graded tests of tune_step: one update, what a loop of them learns, its speed.

The first case of each test is the one whose failure says most, since it speaks for the test.
"""

from __future__ import annotations

import math
import statistics
from types import ModuleType
from typing import TYPE_CHECKING, Any

import torch

from grader.testing import Mistake, Output, cases, fail, hint, points

if TYPE_CHECKING:
    from grader.judge.call import Call
    from grader.judge.check import Check
    from grader.judge.submission import Submission
    from grader.judge.timing.speed import Speed
    from grader.protocol.data import Data


@points(1)
@hint("tune step")
@cases("n_vocabulary, n_pairs, length", cpu=[(20, 3, 5)], gpu=[(20, 3, 5), (1003, 16, 41)])
def test_tune_step(
    submission: Submission,
    check: Check,
    data: Data,
    reference: ModuleType,
    scenarios: ModuleType,
    n_vocabulary: int,
    n_pairs: int,
    length: int,
) -> None:
    """tune_step: one update of a small policy."""
    weights, ref_weights, batch = reference.world(data, n_vocabulary, 8, n_pairs, length)
    beta, rate = 0.2, 4.0

    def exact(step: Any) -> tuple[torch.Tensor, ...]:
        """What a step comes to in float64."""
        wide = [[each.double() for each in one] for one in (weights, ref_weights)]
        outcome: tuple[torch.Tensor, ...] = scenarios.watched_update(step, *wide, batch, beta, rate)
        return outcome

    right = exact(reference.tune_step)
    modelled = {kind: (text, exact(getattr(reference, model))) for kind, model, text in STEPS}
    names = ("the loss", "", "", "the embedding after the step", "the output layer after the step")
    outputs = [
        Output(
            name,
            value,
            # The learning rate times what a gradient may lose; PyTorch in fp32 loses 1e-7.
            error=4e-5 * (1 + value.abs()),
            dtype=torch.float32,
            mistakes=[Mistake(kind, text, wrong[at]) for kind, (text, wrong) in modelled.items()],
        )
        for at, (name, value) in enumerate(zip(names, right, strict=True))
    ]
    outputs[1] = must_hold(
        "whether the loss is free of a graph",
        "graph-kept",
        "The loss still has its graph behind it, which keeps all logits of the step in memory. "
        "Return loss.detach().",
    )
    outputs[2] = must_hold(
        "whether the reference ran without gradients",
        "reference-differentiated",
        "Gradients were recorded while the reference ran: memory for nothing. Ask it inside "
        "with torch.no_grad().",
    )
    call = submission.tune_step.run("watched_update", weights, ref_weights, batch, beta, rate)
    check.outputs(call, *outputs)


STEPS = (
    (
        "gradients-kept",
        "gradients_kept",
        "The gradients of the step before were still there and were added to. Call "
        "optimizer.zero_grad() before backward().",
    ),
    (
        "answers-swapped",
        "answers_swapped",
        "Chosen and rejected are exchanged: the policy learns the opposite.",
    ),
    (
        "reference-ignored",
        "reference_left_out",
        "The reference plays no part in the loss.",
    ),
    (
        "policy-for-reference",
        "policy_for_reference",
        "The policy itself stands for the reference, so d is always 0. Ask policy.reference().",
    ),
    (
        "no-step",
        "no_step",
        "The weights are those of before: call optimizer.step() after backward().",
    ),
)


def must_hold(name: str, kind: str, message: str) -> Output:
    """A truth that a scenario reports."""
    wrong = Mistake(kind, message, torch.tensor(0))
    return Output(name, torch.tensor(1), exact=True, mistakes=[wrong])


# Vocabulary, width, steps, pairs a step, positions, learning rate.
SMALL_WORLD = (6, 4, 4, 6, 2, 3.0)
LARGE_WORLD = (32, 4, 40, 32, 8, 1.0)
SEEDS = 5


@points(1)
@hint("tuning")
@cases(
    "world, labels",
    cpu=[(SMALL_WORLD, "right"), (SMALL_WORLD, "swapped")],
    gpu=[(LARGE_WORLD, "right"), (LARGE_WORLD, "swapped")],
)
def test_tuning_loop(
    submission: Submission,
    check: Check,
    data: Data,
    reference: ModuleType,
    scenarios: ModuleType,
    world: tuple[int, int, int, int, int, float],
    labels: str,
) -> None:
    """tune_step: a policy learns what a user likes, and the opposite from swapped labels."""
    n_vocabulary, width, n_steps, n_pairs, length, rate = world
    accuracies, losses = [], []
    for _ in range(SEEDS if labels == "right" else 1):
        liking = reference.user(data, n_vocabulary)
        weights = reference.untuned(data, n_vocabulary, width)
        answers = reference.feedback(data, liking, n_steps * n_pairs, length)
        if labels == "swapped":
            answers = (*answers[2:], *answers[:2])
        steps = tuple(field.unflatten(0, (n_steps, n_pairs)) for field in answers)
        call = submission.tune_step.run("tuning", weights, steps, 1.0, rate, runs=1, guarded=False)
        expected = scenarios.tuning(
            reference.tune_step, [each.double() for each in weights], steps, 1.0, rate
        )
        # PyTorch in fp32 ends within 1e-6 of float64; a GPU's fast exponentials lose a little more.
        check.outputs(
            call,
            *(
                Output(name, right, error=1e-3 * (1 + right.abs()), dtype=torch.float32)
                for name, right in zip(("the embedding", "the output layer"), expected, strict=True)
            ),
        )
        unseen = reference.feedback(data, liking, 300, length)
        accuracy, loss = seen_by(reference, scenarios, call, weights, unseen)
        accuracies.append(accuracy)
        losses.append(loss)
    judge_learning(labels, statistics.median(accuracies), statistics.median(losses))


def seen_by(
    reference: ModuleType,
    scenarios: ModuleType,
    call: Call,
    start: tuple[torch.Tensor, ...],
    unseen: tuple[torch.Tensor, ...],
) -> tuple[float, float]:
    """Share of unseen pairs that a tuned policy gets right, and its loss on them.

    Args:
        reference: The lesson's ``reference.py``.
        scenarios: The lesson's ``scenarios.py``.
        call: What ``tuning`` returned: the final weights.
        start: The weights that it started from.
        unseen: The fields of a batch.
    """
    found: Any = call.runs[0].result
    final = [each.tensor.double() for each in found]
    batch = scenarios.Batch(*unseen)
    sides = ((batch.chosen, batch.chosen_mask), (batch.rejected, batch.rejected_mask))
    likelihoods = tuple(
        reference.sequence_logprob(scenarios.logits(weights, tokens), tokens, mask)
        for weights in (final, [each.double() for each in start])
        for tokens, mask in sides
    )
    d = reference.margins(likelihoods, 1.0)
    return float((d > 0).double().mean()), float(reference.mean_softplus(-d))


def judge_learning(labels: str, accuracy: float, loss: float) -> None:
    """End the case if the policy did not learn what it was told.

    Raises:
        Judged: It did not.
    """
    told = (
        f"Of pairs that the policy has not seen it gets {accuracy:.0%} right, with a loss of "
        f"{loss:.2f}; a policy that learnt nothing has {math.log(2):.2f}."
    )
    if labels == "right" and not (accuracy > 0.9 and loss < 0.9 * math.log(2)):
        fail("not-learnt", f"{told} More than 90% are asked for, over the median of {SEEDS} users.")
    if labels == "swapped" and not (accuracy < 0.25 and loss > math.log(2)):
        fail("labels-ignored", f"{told} It was told the opposite, and must learn the opposite.")


@points(1)
@hint("update speed")
def test_tune_step_speed(submission: Submission, speed: Speed) -> None:
    """tune_step: 1.5 times as many updates a second as with PyTorch's losses."""
    speed(submission.tune_step, baseline="tune_step", inputs="tuned", scenario="timed_update")
