"""The graded tests of lesson 6: sequence_logprob, preference_loss, reward_model_loss, tune_step.

12 points for right results, gradients and updates, 2 for memory accesses, 6 for speed and peak
memory. The first case of each test is the one whose failure says most, since it speaks for the
test.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING, Any

import torch

from grader.testing import Mistake, Output, cases, fail, hint, points

if TYPE_CHECKING:
    from grader.judge.call import Call
    from grader.judge.check import Check
    from grader.judge.peak_memory import PeakMemory
    from grader.judge.submission import Submission
    from grader.judge.timing.speed import Speed
    from grader.judge.traffic import Traffic
    from grader.protocol.data import Data

VOCABULARIES = [(2, 3, 1003), (1, 2, 9001), (3, 2, 4096), (2, 1, 16_385), (1, 1, 1), (0, 3, 7)]
LARGE_VOCABULARIES = [
    (2, 3, 1003),
    (2, 3, 128_256),
    (2, 5, 32_000),
    (3, 1500, 33),
    *VOCABULARIES[4:],
]
GRADIENTS = [(2, 3, 1003), (1, 2, 9001), (2, 1, 1)]
LARGE_GRADIENTS = [(2, 3, 128_256), (2, 5, 32_000), (35_000, 2, 3)]
PAIRS = [5, 1000, 1, 2049]


def scored(
    data: Data, shape: tuple[int, int, int], dtype: torch.dtype = torch.float32
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Logits of a shape, tokens, and a mask that leaves about a fifth out."""
    n_sequences, n_positions, n_vocabulary = shape
    # Low, so that lanes behind the end of a row show if they count as logits of 0.
    logits = data.normal(*shape, dtype=dtype, mean=-8.0, std=3.0)
    tokens = data.integers(0, n_vocabulary, n_sequences, n_positions)
    mask = data.uniform(0, 1, n_sequences, n_positions) > 0.2
    mask[:, :1] = True
    return logits, tokens, mask


def logprob_mistakes(
    reference: ModuleType, logits: torch.Tensor, tokens: torch.Tensor, mask: torch.Tensor
) -> list[Mistake]:
    """What may have gone wrong in a sum of log-probabilities."""
    n_vocabulary = logits.shape[-1]
    inputs = (logits, tokens, mask)
    found = [
        Mistake(
            "padding-counted",
            "The lanes behind the end of a row count as logits of 0, and add exp(0) to the sum. "
            "Load them as minus infinity: other=-float('inf').",
            partial(reference.padded_with_zeros, *inputs, block),
        )
        for block in reference.blocks_with_a_rest(n_vocabulary)
    ]
    for block in reference.smaller_blocks(n_vocabulary):
        text = (
            "Only {} of each row is in the sum: the loop must go on to the last logit, in a block"
        )
        found += [
            Mistake(
                "row-not-covered",
                f"{text.format(part)} that need not be full.",
                partial(model, *inputs, block),
            )
            for part, model in (
                ("the first block", reference.first_block_only),
                ("what fills whole blocks", reference.last_block_left_out),
            )
        ]
    right = reference.sequence_logprob(*inputs)
    found += [
        Mistake(
            "shifted-tokens",
            "Row t of the logits is taken to tell of token t + 1. Here it tells of token t: "
            "nothing is to be shifted.",
            lambda: reference.shifted(*inputs),
        ),
        Mistake(
            "mean-instead-of-sum",
            "The result is the mean over the counted positions; the sum is asked for.",
            lambda: reference.averaged(*inputs),
        ),
        Mistake(
            "mask-ignored",
            "Masked positions are in the sum: only those where the mask is true count.",
            lambda: reference.sequence_logprob(logits, tokens, torch.ones_like(mask)),
        ),
        Mistake(
            "wrong-sign",
            "The sign is wrong: a log-probability is x[token] - lse, and never positive.",
            -right,
        ),
    ]
    return found


def gradient_mistakes(
    reference: ModuleType,
    logits: torch.Tensor,
    tokens: torch.Tensor,
    mask: torch.Tensor,
    dout: torch.Tensor,
) -> list[Mistake]:
    """What may have gone wrong in the gradient of the logits."""
    right = reference.sequence_logprob_gradient(logits, tokens, mask, dout)
    ones = torch.ones_like(dout)
    nobody = torch.full_like(tokens, -1)
    return [
        Mistake(
            "upstream-dropped",
            "The upstream gradient is missing: each sequence's gradient is dout of that sequence "
            "times the rest of the formula.",
            lambda: reference.sequence_logprob_gradient(logits, tokens, mask, ones),
        ),
        Mistake(
            "upstream-of-another-sequence",
            "The upstream gradient is that of sequence 0 everywhere. There is one for each "
            "sequence.",
            lambda: reference.sequence_logprob_gradient(
                logits, tokens, mask, dout[:1].expand_as(dout)
            ),
        ),
        Mistake("wrong-sign", "The sign is wrong: it is [j = token] - p, times dout.", -right),
        Mistake(
            "token-left-out",
            "Only the part of the softmax is there, -dout * p: the 1 at the token is missing.",
            lambda: reference.sequence_logprob_gradient(logits, nobody, mask, dout),
        ),
        Mistake(
            "mask-ignored",
            "Masked positions have a gradient. It must be exactly 0 there.",
            lambda: reference.sequence_logprob_gradient(
                logits, tokens, torch.ones_like(mask), dout
            ),
        ),
    ]


@points(1)
@hint("logsumexp")
@cases("shape", cpu=VOCABULARIES, gpu=LARGE_VOCABULARIES)
def test_logprob_any_vocabulary(
    submission: Submission,
    check: Check,
    data: Data,
    reference: ModuleType,
    shape: tuple[int, int, int],
) -> None:
    """sequence_logprob: vocabularies of any size."""
    logits, tokens, mask = scored(data, shape)
    check(
        submission.sequence_logprob(logits, tokens, mask),
        expected=reference.sequence_logprob(logits, tokens, mask),
        error=reference.sequence_logprob_error(logits, tokens, mask),
        dtype=torch.float32,
        mistakes=logprob_mistakes(reference, logits, tokens, mask),
    )


@points(1)
@hint("mask")
@cases("masked", cpu=["token", "nan", "all", "inf"])
def test_logprob_masked(
    submission: Submission, check: Check, data: Data, reference: ModuleType, masked: str
) -> None:
    """sequence_logprob: masked positions add 0, whatever they hold."""
    logits, tokens, mask = spoiled(data, masked)
    check(
        submission.sequence_logprob(logits, tokens, mask),
        expected=reference.sequence_logprob(logits, tokens, mask),
        error=reference.sequence_logprob_error(logits, tokens, mask),
        dtype=torch.float32,
        mistakes=[
            Mistake(
                "masked-nan",
                "A masked position made its sequence NaN: 0 times NaN is NaN. Do not multiply by "
                "the mask; store 0 where it is false.",
                lambda: nan_where(
                    reference.sequence_logprob(logits, tokens, mask),
                    (~logits.isfinite()).any(-1).any(-1),
                ),
            ),
        ],
    )


def spoiled(data: Data, masked: str) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Logits, tokens and mask with masked positions that hold what no model gives."""
    logits, tokens, mask = scored(data, (3, 4, 517))
    # The very first position is masked: token -100 would be read from before the tensor.
    mask = torch.tensor([[False, True, True, False], [True] * 4, [False, True, True, False]])
    if masked == "all":
        mask[1] = False
    tokens[~mask] = -100
    if masked in ("nan", "inf"):
        logits[~mask] = float(masked)
        tokens[~mask] = 5
    return logits, tokens, mask


def nan_where(values: torch.Tensor, where: torch.Tensor) -> torch.Tensor:
    """Values with NaN at some places."""
    return values.masked_fill(where, math.nan)


@points(1)
@hint("precision")
@cases("kind", cpu=["bfloat16", "float16", "high", "low", "forbidden"])
def test_logprob_precision(
    submission: Submission, check: Check, data: Data, reference: ModuleType, kind: str
) -> None:
    """sequence_logprob: half precision, very large and very low logits, forbidden tokens."""
    dtype = getattr(torch, kind) if "float" in kind else torch.float32
    logits, tokens, mask = scored(data, (2, 2, 9001), dtype)
    logits += {"high": 1e4, "low": -1e4}.get(kind, 0.0)
    if kind == "forbidden":  # all but the last tokens, for longer than any block
        logits[..., :8900], tokens = -math.inf, tokens % 100 + 8900
    check(
        submission.sequence_logprob(logits, tokens, mask),
        expected=reference.sequence_logprob(logits, tokens, mask),
        error=reference.sequence_logprob_error(logits, tokens, mask),
        dtype=torch.float32,
    )


@points(1)
@hint("strides")
@cases("case", cpu=["part", "far apart"])
def test_logprob_strides(
    submission: Submission, check: Check, data: Data, reference: ModuleType, case: str
) -> None:
    """sequence_logprob: part of longer sequences, and logits beyond 2^31 elements."""
    # A sequence stride that fits into int32 and whose double does not: see lesson 1.
    strides = (5 * 311, 311, 1) if case == "part" else (2**30 + 65, 300, 1)
    logits, tokens, mask = scored(data, (3, 4, 300), torch.float16)
    strided = data.strided(logits, strides)
    check(
        submission.sequence_logprob(strided, tokens, mask),
        expected=reference.sequence_logprob(logits, tokens, mask),
        error=reference.sequence_logprob_error(logits, tokens, mask),
        dtype=torch.float32,
        mistakes=logprob_mistakes(reference, logits, tokens, mask),
    )


@points(1)
@hint("logprob gradient")
@cases(
    "shape, dtype",
    cpu=[*((shape, "float32") for shape in GRADIENTS), ((2, 2, 600), "bfloat16")],
    gpu=[
        *((shape, "float32") for shape in (*GRADIENTS, *LARGE_GRADIENTS)),
        ((2, 2, 600), "bfloat16"),
        ((2, 2, 128_256), "bfloat16"),
    ],
)
def test_logprob_gradient(
    submission: Submission,
    check: Check,
    data: Data,
    reference: ModuleType,
    shape: tuple[int, int, int],
    dtype: str,
) -> None:
    """sequence_logprob: the gradient, for any upstream gradient."""
    inputs = scored(data, shape, getattr(torch, dtype))
    dout = 2.5 * data.normal(shape[0])
    call = submission.sequence_logprob.grad(*inputs, wrt=(0,), upstream=(dout,))
    judge_logprob(check, reference, call, inputs, dout)


@points(1)
@hint("masked gradient")
@cases("masked", cpu=["token", "nan", "all", "inf"])
def test_logprob_gradient_masked(
    submission: Submission, check: Check, data: Data, reference: ModuleType, masked: str
) -> None:
    """sequence_logprob: masked positions have a gradient of exactly 0."""
    inputs = spoiled(data, masked)
    dout = 2.5 * data.normal(3)
    call = submission.sequence_logprob.grad(*inputs, wrt=(0,), upstream=(dout,))
    judge_logprob(check, reference, call, inputs, dout)


def judge_logprob(
    check: Check,
    reference: ModuleType,
    call: Call,
    inputs: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
    dout: torch.Tensor,
) -> None:
    """Compare result and gradient with the exact ones; masked gradients must be 0."""
    mask = inputs[2][..., None]
    gradient = reference.sequence_logprob_gradient(*inputs, dout)
    error = reference.gradient_error(dout).expand_as(gradient)
    check.outputs(
        call,
        Output(
            "the result",
            reference.sequence_logprob(*inputs),
            error=reference.sequence_logprob_error(*inputs),
            dtype=torch.float32,
        ),
        Output(
            "the gradient",
            gradient,
            error=error.where(mask, torch.zeros_like(error)),
            dtype=inputs[0].dtype,
            mistakes=gradient_mistakes(reference, *inputs, dout),
        ),
    )


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
@hint("traffic")
def test_logprob_reads_logits_once(
    interpreted: Submission,
    check: Check,
    traffic: Traffic,
    data: Data,
    reference: ModuleType,
) -> None:
    """sequence_logprob: each logit is read once, inside its tensor."""
    logits, tokens, _ = scored(data, (1, 2, 20_001))
    mask = torch.ones_like(tokens, dtype=torch.bool)
    # Only the bytes of a right result count.
    check(
        interpreted.sequence_logprob(logits, tokens, mask),
        expected=reference.sequence_logprob(logits, tokens, mask),
        error=reference.sequence_logprob_error(logits, tokens, mask),
        dtype=torch.float32,
        mistakes=logprob_mistakes(reference, logits, tokens, mask),
    )
    traffic(interpreted.sequence_logprob, logits, tokens, mask, at_most=1.05)


@points(1)
@hint("gradient traffic")
def test_logprob_gradient_traffic(
    interpreted: Submission, check: Check, traffic: Traffic, data: Data, reference: ModuleType
) -> None:
    """sequence_logprob: backward reads each logit once more, and writes each gradient once."""
    logits, tokens, _ = scored(data, (2, 3, 4099))
    inputs = (logits, tokens, torch.ones_like(tokens, dtype=torch.bool))
    dout = data.normal(2)
    call = interpreted.sequence_logprob.grad(*inputs, wrt=(0,), upstream=(dout,))
    judge_logprob(check, reference, call, inputs, dout)
    # Twice read and once written, over once each: 3 / 2.
    both: Any = interpreted.sequence_logprob.grad
    traffic(both, *inputs, wrt=(0,), upstream=(dout,), at_most=1.05 * 1.5)


@points(2)
@hint("speed")
def test_logprob_speed(submission: Submission, speed: Speed, reference: ModuleType) -> None:
    """sequence_logprob: 2.5 times as fast as cross_entropy, 4096 x 128256 in bf16."""
    speed(
        submission.sequence_logprob,
        baseline="torch_cross_entropy",
        oracle="torch_log_softmax",
        inputs="scored",
        bytes_moved=reference.SCORED_BYTES,
    )


@points(1)
@hint("speed")
def test_logprob_speed_fp32(submission: Submission, speed: Speed, reference: ModuleType) -> None:
    """sequence_logprob: 8 times as fast as log_softmax and gather in fp32."""
    speed(
        submission.sequence_logprob,
        baseline="torch_log_softmax",
        inputs="scored",
        bytes_moved=reference.SCORED_BYTES,
    )


@points(1)
@hint("backward speed")
def test_logprob_backward_speed(
    submission: Submission, speed: Speed, reference: ModuleType
) -> None:
    """sequence_logprob: forward and backward twice as fast as cross_entropy."""
    speed(
        submission.sequence_logprob,
        baseline="torch_cross_entropy",
        oracle="torch_log_softmax",
        inputs="differentiated",
        scenario="forward_backward",
        bytes_moved=reference.DIFFERENTIATED_BYTES,
    )


@points(1)
@hint("memory")
def test_logprob_peak_memory(
    submission: Submission, peak_memory: PeakMemory, data: Data, reference: ModuleType
) -> None:
    """sequence_logprob: at most 40% of the memory that PyTorch needs."""
    logits, tokens, mask = scored(data, (2, 32, 32_000), torch.bfloat16)
    peak_memory(
        submission.sequence_logprob,
        logits,
        tokens,
        mask,
        at_most_bytes=int(0.4 * reference.EAGER_FORWARD_BYTES * logits.numel()),
    )
    peak_memory(
        submission.sequence_logprob,
        logits,
        tokens,
        mask,
        data.normal(2),
        at_most_bytes=int(0.4 * reference.EAGER_BACKWARD_BYTES * logits.numel()),
        scenario="forward_backward",
    )


@points(1)
@hint("update speed")
def test_tune_step_speed(submission: Submission, speed: Speed) -> None:
    """tune_step: 1.5 times as many updates a second as with PyTorch's losses."""
    speed(submission.tune_step, baseline="tune_step", inputs="tuned", scenario="timed_update")
