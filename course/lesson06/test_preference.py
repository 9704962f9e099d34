"""The graded tests of preference_loss and reward_model_loss, with their gradients.

The first case of each test is the one whose failure says most, since it speaks for the test.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING

import torch

from grader.testing import Mistake, Output, cases, hint, points

if TYPE_CHECKING:
    from grader.judge.call import Call
    from grader.judge.check import Check
    from grader.judge.submission import Submission
    from grader.protocol.data import Data

PAIRS = [5, 1000, 1, 2049]


def log_probabilities(data: Data, n_pairs: int) -> tuple[torch.Tensor, ...]:
    """What a policy and a reference near it think of the chosen and the rejected answers."""
    reference = [data.normal(n_pairs, mean=-40.0, std=10.0) for _ in range(2)]
    return *(each + data.normal(n_pairs, std=4.0) for each in reference), *reference


@points(1)
@hint("preference loss")
@cases("n_pairs", cpu=PAIRS, gpu=[*PAIRS, 100_003])
def test_preference_loss(
    submission: Submission, check: Check, data: Data, reference: ModuleType, n_pairs: int
) -> None:
    """preference_loss: loss and rewards."""
    given, beta = log_probabilities(data, n_pairs), 0.3
    loss, *rewards = reference.preference_loss(given, beta)
    lost = reference.rounding(given, beta)
    chosen, rejected, ref_chosen, ref_rejected = given
    nothing = torch.zeros_like(chosen)
    swapped = (rejected, chosen, ref_rejected, ref_chosen)
    check.outputs(
        submission.preference_loss(*given, beta),
        Output(
            "the loss",
            loss,
            error=reference.loss_error(loss, lost),
            dtype=torch.float32,
            mistakes=[
                answers_swapped(lambda: reference.preference_loss(swapped, beta)[0]),
                Mistake(
                    "reference-ignored",
                    "The reference plays no part in the loss: d = beta * ((chosen - rejected) - "
                    "(ref_chosen - ref_rejected)).",
                    lambda: reference.preference_loss((chosen, rejected, nothing, nothing), beta)[
                        0
                    ],
                ),
                Mistake(
                    "beta-ignored",
                    "The loss is that of beta = 1.",
                    lambda: reference.preference_loss(given, 1.0)[0],
                ),
                *mean_mistakes(reference, loss, n_pairs),
            ],
        ),
        *(
            Output(
                f"the {which} reward",
                reward,
                error=lost,
                dtype=torch.float32,
                mistakes=[
                    Mistake(
                        "rewards-swapped",
                        "It is the reward of the other answer.",
                        rewards[1 - at],
                    ),
                    Mistake("beta-ignored", "beta is missing in the rewards.", reward / beta),
                ],
            )
            for at, (which, reward) in enumerate(zip(("chosen", "rejected"), rewards, strict=True))
        ),
    )


def answers_swapped(expected: Callable[[], torch.Tensor]) -> Mistake:
    """A loss with the answers exchanged."""
    return Mistake(
        "answers-swapped",
        "Chosen and rejected are exchanged: this loss is small when the rejected answer is the "
        "likelier one, and the model would learn the opposite of what its users want.",
        expected,
    )


def mean_mistakes(reference: ModuleType, loss: torch.Tensor, n_pairs: int) -> list[Mistake]:
    """What may have gone wrong in the mean of the losses of all pairs."""
    found = [
        Mistake(
            "lanes-counted",
            "The lanes behind the last pair add to the loss, softplus(0) = log(2) each. Take them "
            "out of the sum: tl.where(inside, ..., 0.0).",
            partial(reference.lanes_counted, loss, n_pairs, block),
        )
        for block in reference.lane_counts(n_pairs)
    ]
    return [
        Mistake(
            "sum-instead-of-mean",
            "The loss is the sum over all pairs; the mean is asked for.",
            loss * n_pairs,
        ),
        *found,
    ]


def pair_gradient_mistakes(
    right: torch.Tensor, dloss: torch.Tensor, n_pairs: int, beta: float | None = None
) -> list[Mistake]:
    """Factors that may be missing in the gradient of what is chosen or rejected."""
    found = [
        Mistake("wrong-sign", "The sign is wrong: descent would unlearn the choice.", -right),
        Mistake(
            "mean-ignored",
            "It is B times too large: each pair's share of a mean has 1 / B in it.",
            right * n_pairs,
        ),
        Mistake(
            "upstream-dropped",
            "The upstream gradient dloss is missing: this is right for 1 only.",
            right / dloss,
        ),
    ]
    if beta is not None:
        text = "The factor beta is missing: d has it, so its derivative has it too."
        found.append(Mistake("beta-missing", text, right / beta))
    return found


@points(1)
@hint("preference gradient")
@cases("n_pairs", cpu=[5, 1030, 1], gpu=[5, 1030, 1, 100_003])
def test_preference_gradient(
    submission: Submission, check: Check, data: Data, reference: ModuleType, n_pairs: int
) -> None:
    """preference_loss: the gradients, for any upstream gradient; none for the reference."""
    given, beta, dloss = log_probabilities(data, n_pairs), 0.3, torch.tensor(2.5)
    call = submission.preference_loss.grad(*given, beta, wrt=(0, 1, 2, 3), upstream=(dloss,))
    judge_preference(check, reference, call, given, beta, dloss)


@points(1)
@hint("stable")
@cases("beta", cpu=[1.0, 0.5])
def test_preference_extremes(
    submission: Submission, check: Check, reference: ModuleType, beta: float
) -> None:
    """preference_loss: margins of 1000 and -1000."""
    given, _ = reference.extreme_pairs(beta)
    dloss = torch.tensor(2.0)
    call = submission.preference_loss.grad(*given, beta, wrt=(0, 1, 2, 3), upstream=(dloss,))
    judge_preference(check, reference, call, given, beta, dloss)


def judge_preference(
    check: Check,
    reference: ModuleType,
    call: Call,
    given: tuple[torch.Tensor, ...],
    beta: float,
    dloss: torch.Tensor,
) -> None:
    """Compare loss, rewards and gradients with the exact ones."""
    loss, *rewards = reference.preference_loss(given, beta)
    d, lost = reference.margins(given, beta), reference.rounding(given, beta)
    factor = reference.as_fp32(beta)
    right = reference.pair_gradient(d, dloss, factor)
    error = reference.pair_gradient_error(d, dloss, lost, factor)
    opposite = reference.pair_gradient(-d, dloss, factor)
    overflow = Mistake(
        "exp-overflow",
        "exp overflowed: log(1 + exp(t)) is infinite for t above 88, though the loss is about t. "
        "Use max(t, 0) + log(1 + exp(-|t|)).",
        torch.tensor(math.inf),
    )
    # exp(-d) / (1 + exp(-d)) is inf / inf where exp(-d) is no fp32 number any more.
    undefined = (-d).float().exp().isinf()
    no_number = Mistake(
        "exp-overflow",
        "exp overflowed, and inf / inf is NaN. Use 1 / (1 + exp(d)): for a large d that is "
        "1 / inf, which is 0.",
        right.masked_fill(undefined, math.nan),
    )
    gradients = [
        Output(
            f"the gradient of {which}",
            value,
            error=error,
            dtype=torch.float32,
            mistakes=[
                *pair_gradient_mistakes(value, dloss, d.numel(), beta),
                *([no_number] if bool(undefined.any()) else []),
                Mistake(
                    "sigmoid-of-d",
                    "It is sigmoid(d) where sigmoid(-d) is asked for: pairs that are right already "
                    "are pushed most.",
                    opposite if which == "chosen_lp" else -opposite,
                ),
            ],
        )
        for which, value in (("chosen_lp", right), ("rejected_lp", -right))
    ]
    check.outputs(
        call,
        Output(
            "the loss",
            loss,
            error=reference.loss_error(loss, lost),
            dtype=torch.float32,
            mistakes=[overflow],
        ),
        *(
            Output(f"the {which} reward", reward, error=lost, dtype=torch.float32)
            for which, reward in zip(("chosen", "rejected"), rewards, strict=True)
        ),
        *gradients,
        Output("the gradient of ref_chosen_lp", None),
        Output("the gradient of ref_rejected_lp", None),
    )


@points(1)
@hint("reward model")
@cases(
    "n_pairs, margin",
    cpu=[(5, 0.7), (1030, "each"), (8, "extreme"), (1, 0.0)],
    gpu=[(5, 0.7), (1030, "each"), (8, "extreme"), (1, 0.0), (100_003, "each")],
)
def test_reward_model_loss(
    submission: Submission,
    check: Check,
    data: Data,
    reference: ModuleType,
    n_pairs: int,
    margin: float | str,
) -> None:
    """reward_model_loss: loss and gradients, with a margin for all or for each pair."""
    chosen, rejected = data.normal(n_pairs, std=2.0), data.normal(n_pairs, std=2.0)
    if margin == "extreme":
        (chosen, rejected, *_), d = reference.extreme_pairs(1.0)
        rejected, margin = chosen - d, 0.0
    own = data.uniform(0, 2, n_pairs) if margin == "each" else margin
    exact = own.double() if isinstance(own, torch.Tensor) else reference.as_fp32(own)
    dloss = torch.tensor(2.5)

    d = chosen.double() - rejected.double() - exact
    lost = 2 * 2.0**-24 * (chosen.double().abs() + rejected.double().abs() + 2)
    loss, right = reference.mean_softplus(-d), reference.pair_gradient(d, dloss)
    error = reference.pair_gradient_error(d, dloss, lost)
    check.outputs(
        submission.reward_model_loss.grad(chosen, rejected, own, wrt=(0, 1), upstream=(dloss,)),
        Output(
            "the loss",
            loss,
            error=reference.loss_error(loss, lost),
            dtype=torch.float32,
            mistakes=[
                Mistake(
                    "margin-sign",
                    "The margin is added; the chosen answer must win by it: it is subtracted.",
                    lambda: reference.mean_softplus(-(d + 2 * exact)),
                ),
                Mistake(
                    "margin-ignored",
                    "The margin plays no part in the loss.",
                    lambda: reference.mean_softplus(-(d + exact)),
                ),
                answers_swapped(lambda: reference.mean_softplus(d)),
                answers_swapped(lambda: reference.mean_softplus(d + 2 * exact)),
                *mean_mistakes(reference, loss, n_pairs),
            ],
        ),
        *(
            Output(
                f"the gradient of {which}",
                value,
                error=error,
                dtype=torch.float32,
                mistakes=pair_gradient_mistakes(value, dloss, n_pairs),
            )
            for which, value in (("r_chosen", right), ("r_rejected", -right))
        ),
    )
