"""What the functions of lesson 6 must return, by PyTorch, and the inputs of its tests.

Owns the oracle in float64, its error bounds, models of known mistakes, and the simulated user
whose preference a policy is to learn. All of it runs in the judge's process, except the
baselines and makers of inputs, which run where the submission runs.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

if TYPE_CHECKING:
    from grader.protocol.data import Data

Tensors = tuple[torch.Tensor, ...]

LARGE_VOCABULARY = 128_256
SCORED = (8, 512)  # sequences and positions of the forward speed tests: 1 GiB of logits in bf16
DIFFERENTIATED = (4, 512)  # those of the backward one
TUNED = (8, 128)  # pairs and positions of the tuning step

# The least that must be moved: the logits in bf16; backward once more, and their gradient.
SCORED_BYTES = 2 * math.prod(SCORED) * LARGE_VOCABULARY
DIFFERENTIATED_BYTES = 3 * 2 * math.prod(DIFFERENTIATED) * LARGE_VOCABULARY

# Bytes that eager PyTorch needs for each logit beside the logits, at the least: with
# F.cross_entropy on bf16 the forward pass makes a log-softmax (2). The backward pass still holds
# it when it has filled the gradient of the log-softmax (2) and writes that of the logits (2).
# Measured on an H200: 2.004 and 6.004. With log_softmax(logits.float()) and gather it is twice
# that and more: 8 and 12.
EAGER_FORWARD_BYTES = 2
EAGER_BACKWARD_BYTES = 6

_BLOCKS = tuple(2**power for power in range(4, 17))


# ------------------------------------------------------------------- likelihood of an answer


def sequence_logprob(
    logits: torch.Tensor, tokens: torch.Tensor, mask: torch.Tensor
) -> torch.Tensor:
    """The exact sum of the log-probabilities of each sequence, float64 [B].

    Args:
        logits: [B, T, V].
        tokens: [B, T]; anything where the mask is false.
        mask: [B, T].
    """
    return _summed(logits, tokens, mask, logits.double().logsumexp(-1))


def _summed(
    logits: torch.Tensor, tokens: torch.Tensor, mask: torch.Tensor, lse: torch.Tensor
) -> torch.Tensor:
    """Sum over the mask of x[token] - lse; what is masked is not even looked at."""
    at = tokens.where(mask, torch.zeros_like(tokens))[..., None]
    each = logits.double().gather(-1, at)[..., 0] - lse
    return each.where(mask, torch.zeros_like(each)).sum(-1)


def sequence_logprob_error(
    logits: torch.Tensor, tokens: torch.Tensor, mask: torch.Tensor
) -> torch.Tensor:
    """How far an fp32 result may lie from the exact one, before its last rounding.

    Each counted position: 2e-6 |lse|, which is some 30 roundings of a number of that size to
    fp32, for the maximum, the sum and the difference; and 1e-5 for the fast exponentials of a
    GPU, each right to about 2^-21. An accumulator in half precision is off by far more.
    """
    lse = logits.double().logsumexp(-1).abs()
    bound = torch.where(mask, 1e-5 + 2e-6 * lse, torch.zeros_like(lse)).sum(-1)
    return torch.nan_to_num(bound, nan=0.0, posinf=0.0)


def sequence_logprob_gradient(
    logits: torch.Tensor, tokens: torch.Tensor, mask: torch.Tensor, dout: torch.Tensor
) -> torch.Tensor:
    """The exact gradient of the logits, float64 [B, T, V]; 0 where masked."""
    p = logits.double().softmax(-1)
    hit = torch.arange(logits.shape[-1]) == tokens[..., None]
    gradient = dout.double()[:, None, None] * (hit.double() - p)
    return gradient.where(mask[..., None], torch.zeros_like(gradient))


def gradient_error(dout: torch.Tensor) -> torch.Tensor:
    """How far an fp32 gradient may lie from the exact one: 1e-5 of the upstream gradient.

    The exponential carries the rounding of lse, a few ulp of a number around 10, into a factor
    of at most 1.
    """
    return 1e-5 * dout.double().abs()[:, None, None]


def padded_with_zeros(
    logits: torch.Tensor, tokens: torch.Tensor, mask: torch.Tensor, block: int
) -> torch.Tensor:
    """A mistake: lanes behind the end of a row count as logits of 0."""
    extra = -logits.shape[-1] % block
    whole = functional.pad(logits.double(), (0, extra))
    return _summed(logits, tokens, mask, whole.logsumexp(-1))


def last_block_left_out(
    logits: torch.Tensor, tokens: torch.Tensor, mask: torch.Tensor, block: int
) -> torch.Tensor:
    """A mistake: only whole blocks of a row are added up."""
    whole = logits.double()[..., : logits.shape[-1] // block * block]
    return _summed(logits, tokens, mask, whole.logsumexp(-1))


def first_block_only(
    logits: torch.Tensor, tokens: torch.Tensor, mask: torch.Tensor, block: int
) -> torch.Tensor:
    """A mistake: only the first block of a row is added up."""
    return _summed(logits, tokens, mask, logits.double()[..., :block].logsumexp(-1))


def blocks_with_a_rest(n_vocabulary: int) -> list[int]:
    """Block sizes that leave a rest, one for each size of the rest's gap."""
    by_gap = {-n_vocabulary % block: block for block in _BLOCKS if n_vocabulary % block}
    return list(by_gap.values())


def smaller_blocks(n_vocabulary: int) -> list[int]:
    """Block sizes that do not cover a row."""
    return [block for block in _BLOCKS if block < n_vocabulary]


def shifted(logits: torch.Tensor, tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """A mistake: row t is taken to tell of token t + 1."""
    return sequence_logprob(logits[:, :-1], tokens[:, 1:], mask[:, 1:])


def averaged(logits: torch.Tensor, tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """A mistake: the mean over the counted positions instead of the sum."""
    return sequence_logprob(logits, tokens, mask) / mask.sum(-1)


# ------------------------------------------------------------------------ losses on pairs


def as_fp32(value: float) -> float:
    """The fp32 number nearest to a value, which is what a kernel gets."""
    return torch.tensor(value, dtype=torch.float32).item()


def margins(log_probabilities: Tensors, beta: float) -> torch.Tensor:
    """The exact d of each pair, from chosen, rejected, ref_chosen and ref_rejected; [B]."""
    chosen, rejected, ref_chosen, ref_rejected = (each.double() for each in log_probabilities)
    return as_fp32(beta) * ((chosen - rejected) - (ref_chosen - ref_rejected))


def mean_softplus(t: torch.Tensor) -> torch.Tensor:
    """The exact mean of log(1 + exp(t)), for any t; 0 over nothing."""
    if not t.numel():
        return torch.zeros((), dtype=torch.float64)
    return (t.clamp_min(0) + torch.log1p(torch.exp(-t.abs()))).mean()


def preference_loss(log_probabilities: Tensors, beta: float) -> Tensors:
    """The exact DPO loss, chosen rewards and rejected rewards, float64."""
    chosen, rejected, ref_chosen, ref_rejected = (each.double() for each in log_probabilities)
    factor = as_fp32(beta)
    loss = mean_softplus(-margins(log_probabilities, beta))
    return loss, factor * (chosen - ref_chosen), factor * (rejected - ref_rejected)


def rounding(log_probabilities: Tensors, beta: float) -> torch.Tensor:
    """What fp32 may lose in d, of each pair: [B], float64.

    Three differences and two products, each rounded once, of numbers no larger than the sum of
    all four: 5 roundings of 2^-24.
    """
    total = sum((each.double().abs() for each in log_probabilities), torch.zeros(()).double())
    return 5 * 2.0**-24 * abs(beta) * total


def loss_error(expected: torch.Tensor, lost: torch.Tensor) -> torch.Tensor:
    """How far a loss may lie from the exact one: 1e-6 (1 + |loss|), and what d has lost.

    The slope of softplus is at most 1, so the mean loses no more than the mean of d.
    """
    return 1e-6 * (1 + expected.abs()) + (lost.mean() if lost.numel() else 0.0)


def pair_gradient(d: torch.Tensor, dloss: torch.Tensor, factor: float = 1.0) -> torch.Tensor:
    """The exact gradient of what is chosen: -dloss * factor * sigmoid(-d) / B; [B]."""
    return -dloss.double() * factor * torch.sigmoid(-d) / max(1, d.numel())


def pair_gradient_error(
    d: torch.Tensor, dloss: torch.Tensor, lost: torch.Tensor, factor: float = 1.0
) -> torch.Tensor:
    """How far that gradient may lie from the exact one; [B].

    Relative to itself 1e-6, some 16 roundings of 2^-24, and what d has lost: an error in d is a
    relative one in the sigmoid, which is why gradients of 0 must be exactly 0. What is smaller
    than any normal fp32 number may be 0 too: GPUs flush it.
    """
    flushed = torch.finfo(torch.float32).smallest_normal * max(1.0, abs(float(dloss) * factor))
    return pair_gradient(d, dloss, factor).abs() * (1e-6 + lost) + flushed


def lanes_counted(loss: torch.Tensor, n_pairs: int, block: int) -> torch.Tensor:
    """A mistake: the lanes behind the last pair add softplus(0) each."""
    return loss + (-n_pairs % block) * math.log(2) / n_pairs


def lane_counts(n_pairs: int) -> list[int]:
    """Block sizes with lanes behind the last pair, one for each number of them."""
    return list({-n_pairs % block: block for block in _BLOCKS if n_pairs % block}.values())


def extreme_pairs(factor: float) -> tuple[Tensors, torch.Tensor]:
    """Eight pairs whose d is -1000, 1000, or between.

    Args:
        factor: A power of two that d is multiplied with later.

    Returns:
        The four log-probabilities, and d / factor.
    """
    d = torch.tensor([-1000.0, 1000.0, -104.0, 104.0, -90.0, 90.0, 0.0, -1.0]) / factor
    chosen, ref_chosen, ref_rejected = (
        torch.full_like(d, value) for value in (-512.0, -256.0, -768.0)
    )
    return (chosen, chosen - d - 512.0, ref_chosen, ref_rejected), d


# ----------------------------------------------------------------------------- the update


def tune_step(policy: Any, optimizer: Any, batch: Any, beta: float) -> torch.Tensor:
    """One update as PyTorch does it: oracle of the tests, and baseline of the speed test."""
    return _tune_step(policy, optimizer, batch, beta)


def gradients_kept(policy: Any, optimizer: Any, batch: Any, beta: float) -> torch.Tensor:
    """A mistake: no zero_grad."""
    return _tune_step(policy, optimizer, batch, beta, forget=False)


def answers_swapped(policy: Any, optimizer: Any, batch: Any, beta: float) -> torch.Tensor:
    """A mistake: chosen and rejected exchanged."""
    other = type(batch)(batch.rejected, batch.rejected_mask, batch.chosen, batch.chosen_mask)
    return _tune_step(policy, optimizer, other, beta)


def reference_left_out(policy: Any, optimizer: Any, batch: Any, beta: float) -> torch.Tensor:
    """A mistake: a reference that finds all answers alike."""
    return _tune_step(policy, optimizer, batch, beta, reference_weight=0.0)


def policy_for_reference(policy: Any, optimizer: Any, batch: Any, beta: float) -> torch.Tensor:
    """A mistake: the policy of this moment stands for the reference."""
    return _tune_step(policy, optimizer, batch, beta, reference=policy)


def no_step(policy: Any, optimizer: Any, batch: Any, beta: float) -> torch.Tensor:
    """A mistake: the optimizer does not step."""
    optimizer.step = lambda: None
    return _tune_step(policy, optimizer, batch, beta)


def _tune_step(
    policy: Any,
    optimizer: Any,
    batch: Any,
    beta: float,
    forget: bool = True,
    reference: Any = None,
    reference_weight: float = 1.0,
) -> torch.Tensor:
    if forget:
        optimizer.zero_grad()
    sides = ((batch.chosen, batch.chosen_mask), (batch.rejected, batch.rejected_mask))
    chosen, rejected = (_eager_logprob(policy(tokens), tokens, mask) for tokens, mask in sides)
    with torch.no_grad():
        ref_chosen, ref_rejected = (
            reference_weight * _eager_logprob((reference or policy.reference)(tokens), tokens, mask)
            for tokens, mask in sides
        )
    d = beta * ((chosen - rejected) - (ref_chosen - ref_rejected))
    loss = -functional.logsigmoid(d).mean()
    torch.autograd.backward(loss)
    optimizer.step()
    return loss.detach()


def _eager_logprob(logits: torch.Tensor, tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """What is usually written: fp32 log-softmax, gather, sum over the mask; float64 stays so."""
    wide = logits if logits.dtype == torch.float64 else logits.float()
    each = torch.log_softmax(wide, -1).gather(-1, tokens[..., None])[..., 0]
    return (each * mask).sum(-1)


def world(data: Data, n_vocabulary: int, width: int, n_pairs: int, length: int) -> Any:
    """A policy and feedback of an ordinary kind, for a single update; fp32.

    Returns:
        Weights, weights of the reference, and the four fields of a batch.
    """
    weights, reference = (
        tuple(0.5 * data.normal(rows, width) for rows in (n_vocabulary + 1, n_vocabulary))
        for _ in range(2)
    )
    batch: list[torch.Tensor] = []
    for _ in range(2):
        tokens = data.integers(0, n_vocabulary, n_pairs, length)
        answer_ends = data.integers(2, length + 1, n_pairs, 1)
        positions = torch.arange(length)
        batch += [tokens, (positions >= 1) & (positions < answer_ends)]
    return weights, reference, tuple(batch)


# ---------------------------------------------------------------------- the simulated user


def user(data: Data, n_vocabulary: int) -> torch.Tensor:
    """What a user thinks of each token, hidden from the policy: [V], from -1 to 1."""
    liking = torch.linspace(-1, 1, n_vocabulary)
    return liking[data.uniform(0, 1, n_vocabulary).argsort()]


def feedback(data: Data, liking: torch.Tensor, n_pairs: int, length: int) -> Tensors:
    """Pairs of answers of random tokens, put in order by a user who has a clear opinion.

    Position 0 is the question and does not count. An answer is as good as the sum of what the
    user thinks of its tokens; of pairs in which that hardly differs, none is asked.

    Returns:
        chosen, chosen_mask, rejected, rejected_mask: [n_pairs, length].
    """
    tokens = data.integers(0, liking.numel(), 2, 6 * n_pairs, length)
    mask = (torch.arange(length) >= 1).expand(6 * n_pairs, length)
    worth = (liking[tokens] * mask).sum(-1)
    clear = (worth[0] - worth[1]).abs() > 0.5
    first_wins = (worth[0] > worth[1])[clear][:n_pairs, None]
    one, other = (answers[clear][:n_pairs] for answers in tokens)
    mask = mask[:n_pairs].contiguous()
    return one.where(first_wins, other), mask, other.where(first_wins, one), mask.clone()


def untuned(data: Data, n_vocabulary: int, width: int) -> Tensors:
    """Weights of a policy that finds all answers about equally likely."""
    embedding = 0.1 * data.normal(n_vocabulary + 1, width)
    embedding[:, 0] = 1.0  # lets the output layer like a token wherever it stands
    return embedding, 0.1 * data.normal(n_vocabulary, width)


# -------------------------------------------------------------------------- speed tests


def torch_cross_entropy(
    logits: torch.Tensor, tokens: torch.Tensor, mask: torch.Tensor
) -> torch.Tensor:
    """Baseline: PyTorch's fused loss, which still writes a log-softmax in bf16."""
    n_vocabulary = logits.shape[-1]
    loss = functional.cross_entropy(
        logits.view(-1, n_vocabulary), tokens.view(-1), reduction="none"
    )
    return -(loss.view(tokens.shape) * mask).sum(-1)


def torch_log_softmax(
    logits: torch.Tensor, tokens: torch.Tensor, mask: torch.Tensor
) -> torch.Tensor:
    """Baseline and oracle: log-softmax and gather in fp32, as it is usually written."""
    return _eager_logprob(logits, tokens, mask)


def scored(data: Data) -> Tensors:
    """Logits of 4096 positions, tokens and a mask that is true everywhere."""
    return _scored(data, *SCORED)


def differentiated(data: Data) -> Tensors:
    """Logits of 2048 positions, tokens, mask, and an upstream gradient."""
    return *_scored(data, *DIFFERENTIATED), data.normal(DIFFERENTIATED[0])


def _scored(data: Data, n_sequences: int, n_positions: int) -> Tensors:
    # Low logits, so that the few values around 0 which are written before each call change the
    # likelihood of a whole row, and a result from before them shows.
    logits = data.normal(
        n_sequences, n_positions, LARGE_VOCABULARY, dtype=torch.bfloat16, mean=-8.0
    )
    tokens = data.integers(0, LARGE_VOCABULARY, n_sequences, n_positions)
    return logits, tokens, torch.ones_like(tokens, dtype=torch.bool)


def tuned(data: Data) -> Tensors:
    """Weights of a policy in bf16, of its reference, and a batch of feedback."""
    width, (n_pairs, length) = 64, TUNED
    shapes = [(LARGE_VOCABULARY + 1, width), (LARGE_VOCABULARY, width)] * 2
    weights = [data.normal(*shape, dtype=torch.bfloat16, std=0.5) for shape in shapes]
    batch: list[torch.Tensor] = []
    for _ in range(2):
        tokens = data.integers(0, LARGE_VOCABULARY, n_pairs, length)
        batch += [tokens, torch.ones_like(tokens, dtype=torch.bool)]
    return *weights, *batch
