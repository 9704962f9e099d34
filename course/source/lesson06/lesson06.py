# Fill in the TODOs, then see how far you are: grade lesson06
"""Lesson 6: tuning a language model to what its users prefer.

A user sees two answers to one question and picks the better. From such pairs a model learns to
give answers like the chosen ones. Four functions, in the order in which to solve them:

- ``sequence_logprob(logits, tokens, mask)``: how likely the model finds a whole answer. Write the
  kernels of the forward and of the backward pass.
- ``preference_loss(...)``: direct preference optimisation (DPO), a loss on these likelihoods
  (Rafailov et al., 2023, https://arxiv.org/abs/2305.18290). Write both kernels.
- ``reward_model_loss(...)``: the Bradley-Terry loss of a separate reward model. Both kernels.
- ``tune_step(...)``: one update of a policy by one batch of feedback. Host code.

With 128256 tokens in the vocabulary, the logits of 4096 positions are 1 GiB in bf16, and all else
is tiny beside them. PyTorch writes a log-softmax of that size only to pick one number from each
row. The fused kernels read the logits once forward, and once more backward.

Logits are fp32, fp16 or bf16; everything that is computed from them is fp32.

What torch may do in host code stands in docs/rules.md. Beyond that ``preference_loss`` and
``reward_model_loss`` may use ``sum``, for totals, and ``tune_step`` what a training loop takes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import torch
import triton
import triton.language as tl

BLOCK = 8192  # logits of one row that a forward program holds at a time
WARPS = 4  # of a forward program
BACKWARD_BLOCK = 2048  # logits that a backward program works on
BACKWARD_WARPS = 4
SEQUENCE_BLOCK = 1024  # positions of an answer, or pairs of a batch, held at a time

LOG2_E = tl.constexpr(1.4426950408889634)  # exp(x) = exp2(x * LOG2_E)

FLOAT_TYPES = (torch.float32, torch.float16, torch.bfloat16)


# ------------------------------------------------------------------- likelihood of an answer


@triton.jit
def token_logprob_kernel(
    logprob_ptr,
    lse_ptr,
    logits_ptr,
    tokens_ptr,
    mask_ptr,
    n_positions,
    n_vocabulary,
    sequence_stride,
    position_stride,
    BLOCK: tl.constexpr,
):
    """Compute the log-probability of one token: x[token] - lse, with lse = log(sum_j exp(x_j)).

    Args:
        logprob_ptr: Where the results [n_sequences, n_positions] begin, fp32, contiguous;
            written. A masked position gets 0.
        lse_ptr: Where the lse of each position goes, in the same layout; written, since the
            backward pass needs it. Those of masked positions are never looked at.
        logits_ptr: Where the logits x [n_sequences, n_positions, n_vocabulary] begin. The logits
            of a position are neighbours in memory.
        tokens_ptr: Where the tokens [n_sequences, n_positions] begin, int64, contiguous.
        mask_ptr: Where the mask begins, bool, in the same layout: true where a position counts.
        n_positions: Positions of a sequence.
        n_vocabulary: Logits of a position; any number, not only multiples of BLOCK.
        sequence_stride: Elements of the logits from one sequence to the next.
        position_stride: Elements of the logits from one position to the next.
        BLOCK: Logits that the program holds at a time, a power of two.

    The grid is one-dimensional with a program for each position of each sequence. A program reads
    its row of logits once, 2 * n_vocabulary bytes in bf16, and writes 8 bytes. Masked positions
    cost nothing: neither their logits nor their token are read. They may hold NaN, and a token
    that does not exist, such as -100.
    """
    # TODO 1: Which sequence and which position is this program's, and where do its logits begin?
    #   Compute in int64: a batch of logits can have more than 2^31 elements.
    # TODO 2: If the position is masked, store 0 as its log-probability, and do no more.
    # TODO 3: Otherwise go through the row in blocks, and keep two numbers: the maximum so far,
    #   and the sum of exp(x_j - maximum) so far. What becomes of the old sum when a block brings
    #   a larger maximum? What value must lanes behind the end of the row have? Logits may be
    #   -inf, whole blocks of them: let the maximum begin with a very low, finite number.
    # TODO 4: Store lse, and the log-probability of the token.
    pass


@triton.jit
def sum_positions_kernel(out_ptr, logprob_ptr, n_positions, BLOCK: tl.constexpr):
    """Compute out[b] = sum_t logprob[b, t], one sequence b a program.

    Args:
        out_ptr: Where out [n_sequences] begins, fp32; written.
        logprob_ptr: Where logprob [n_sequences, n_positions] begins, fp32, contiguous.
        n_positions: Positions of a sequence, at least 1; any number.
        BLOCK: Positions that the program holds at a time, a power of two.

    Adding in a kernel of its own, always in the same order, gives the same bits in each run.
    Programs that add to out[b] by atomics, as they finish, would not.
    """
    # TODO 5: Add up all positions of this program's sequence, BLOCK at a time, and store the sum.
    pass


@triton.jit
def logprob_backward_kernel(
    dlogits_ptr,
    dout_ptr,
    lse_ptr,
    logits_ptr,
    tokens_ptr,
    mask_ptr,
    n_positions,
    n_vocabulary,
    sequence_stride,
    position_stride,
    BLOCK: tl.constexpr,
):
    """Compute dx_j = dout * ([j = token] - p_j), with p_j = exp(x_j - lse), for part of a row.

    Args:
        dlogits_ptr: Where the gradient [n_sequences, n_positions, n_vocabulary] begins,
            contiguous, type of the logits; written. That of a masked position is 0.
        dout_ptr: Where the upstream gradient [n_sequences] begins, fp32: what came from above
            for each sequence.
        lse_ptr: What ``token_logprob_kernel`` stored; nothing at masked positions.
        logits_ptr: As in ``token_logprob_kernel``, like all that follows.
        tokens_ptr: Tokens.
        mask_ptr: Mask.
        n_positions: Positions of a sequence.
        n_vocabulary: Logits of a position.
        sequence_stride: Elements of the logits from one sequence to the next.
        position_stride: Elements of the logits from one position to the next.
        BLOCK: Logits that a program works on, a power of two.

    The grid is one-dimensional: as many programs as a row has blocks work on the first position,
    the next ones on the second, and so on. So programs that run at the same time write to
    neighbouring memory, and the number of positions is not held to the 65535 of axis 1. Per
    element one logit is read and one gradient is written: 4 bytes in bf16. Since the softmax is
    computed again from lse, the forward pass need not store it.
    """
    # TODO 6: Which position, and which columns of its row, are this program's? How many blocks
    #   a row has follows from n_vocabulary and BLOCK.
    # TODO 7: Compute their gradient by the formula above, and store it. Of a masked position all
    #   of it must be exactly 0, whatever its logits and its token are; and its logits need not
    #   be read. Remember that the gradient lies contiguously, and the logits may not.
    pass


class SequenceLogprob(torch.autograd.Function):
    """Connects the kernels of ``sequence_logprob`` to PyTorch's autograd."""

    @staticmethod
    def forward(
        ctx: Any, logits: torch.Tensor, tokens: torch.Tensor, mask: torch.Tensor
    ) -> torch.Tensor:
        """Compute the log-probabilities, and keep what the backward pass needs: no softmax."""
        n_sequences, n_positions, n_vocabulary = logits.shape
        logprob = torch.empty(n_sequences, n_positions, dtype=torch.float32, device=logits.device)
        lse = torch.empty_like(logprob)
        out = torch.empty(n_sequences, dtype=torch.float32, device=logits.device)
        token_logprob_kernel[(n_sequences * n_positions,)](
            logprob,
            lse,
            logits,
            tokens,
            mask,
            n_positions,
            n_vocabulary,
            logits.stride(0),
            logits.stride(1),
            BLOCK=BLOCK,
            num_warps=WARPS,
        )
        sum_positions_kernel[(n_sequences,)](out, logprob, n_positions, BLOCK=SEQUENCE_BLOCK)
        ctx.save_for_backward(logits, tokens, mask, lse)
        return out

    @staticmethod
    def backward(ctx: Any, dout: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        """Compute the gradient of the logits; tokens and mask have none."""
        logits, tokens, mask, lse = ctx.saved_tensors
        n_sequences, n_positions, n_vocabulary = logits.shape
        dlogits = torch.empty(logits.shape, dtype=logits.dtype, device=logits.device)
        n_blocks = triton.cdiv(n_vocabulary, BACKWARD_BLOCK)
        logprob_backward_kernel[(n_sequences * n_positions * n_blocks,)](
            dlogits,
            dout.contiguous(),  # all elements of an expanded gradient are one
            lse,
            logits,
            tokens,
            mask,
            n_positions,
            n_vocabulary,
            logits.stride(0),
            logits.stride(1),
            BLOCK=BACKWARD_BLOCK,
            num_warps=BACKWARD_WARPS,
        )
        return dlogits, None, None


def sequence_logprob(
    logits: torch.Tensor, tokens: torch.Tensor, mask: torch.Tensor
) -> torch.Tensor:
    """Sum the log-probabilities of the tokens of each sequence.

    Args:
        logits: [B, T, V], fp32, fp16 or bf16. Row t holds the logits from which token t is drawn:
            nothing is shifted here. The V logits of a row are neighbours in memory; rows and
            sequences may lie anywhere, so a part such as ``logits[:, :-1]`` needs no copy.
        tokens: [B, T], int64. Below V and not negative where the mask is true.
        mask: [B, T], bool. False for what does not count: the question, the padding.

    Returns:
        [B], fp32: out_b = sum over t with mask of x_t[token_t] - log(sum_j exp(x_tj)). Positions
        that are masked add exactly 0 and get a gradient of exactly 0, even where their logits
        are NaN or their token is -100. Differentiable with respect to the logits.

    Raises:
        TypeError: A tensor has a type that is not supported.
        ValueError: The shapes do not fit, or the logits of a row are not neighbours.
    """
    check_sequences(logits, tokens, mask)
    if tokens.numel() == 0:
        return logits.new_zeros(tokens.shape[0], dtype=torch.float32)  # sums over nothing
    return SequenceLogprob.apply(logits, tokens.contiguous(), mask.contiguous())


# ------------------------------------------------------------------------ losses on pairs


@triton.jit
def softplus(t):
    """Compute log(1 + exp(t)), which is -log(sigmoid(-t)), for a block of any finite t.

    Args:
        t: fp32, any shape.

    Returns:
        fp32, same shape. About t for large t, and about 0 for very negative t: finite in both
        cases. The formula as it stands overflows for t above 88.
    """
    # TODO 8: Return softplus(t) by a formula in which exp never gets a positive argument. Take
    #   the larger of t and 0 out of the logarithm: what is left inside?
    pass


@triton.jit
def preference_loss_kernel(
    loss_ptr,
    chosen_reward_ptr,
    rejected_reward_ptr,
    chosen_ptr,
    rejected_ptr,
    ref_chosen_ptr,
    ref_rejected_ptr,
    beta,
    n_pairs,
    BLOCK: tl.constexpr,
):
    """Compute the DPO loss of all pairs, mean softplus(-d), and the rewards of each pair.

    Args:
        loss_ptr: Where the loss goes, one fp32 number; written.
        chosen_reward_ptr: Where the rewards beta * (chosen - ref_chosen) [n_pairs] begin;
            written.
        rejected_reward_ptr: The same of the rejected answers; written.
        chosen_ptr: Where the log-probabilities of the chosen answers under the policy begin,
            [n_pairs]. All of these tensors are fp32 and contiguous.
        rejected_ptr: Those of the rejected answers.
        ref_chosen_ptr: Those of the chosen answers under the reference.
        ref_rejected_ptr: Those of the rejected answers under the reference.
        beta: How strongly to hold on to the reference, fp32.
        n_pairs: Number of pairs, at least 1; any number.
        BLOCK: Pairs that the program holds at a time, a power of two.

    Here d = chosen reward - rejected reward. A batch of feedback is small: a single program
    does it all, and needs no help from others to form the mean.
    """
    # TODO 9: Go through the pairs in blocks. Store both rewards of each pair, and add up
    #   softplus(-d). Lanes behind the last pair must add nothing: what is softplus(0)?
    # TODO 10: Store the mean.
    pass


@triton.jit
def preference_backward_kernel(
    dchosen_ptr,
    drejected_ptr,
    dloss_ptr,
    chosen_ptr,
    rejected_ptr,
    ref_chosen_ptr,
    ref_rejected_ptr,
    beta,
    n_pairs,
    BLOCK: tl.constexpr,
):
    """Compute dchosen = -dloss * beta * sigmoid(-d) / n_pairs and drejected = -dchosen.

    Args:
        dchosen_ptr: Where the gradient of the chosen log-probabilities [n_pairs] begins, fp32;
            written.
        drejected_ptr: That of the rejected ones; written.
        dloss_ptr: Where the upstream gradient lies, one fp32 number.
        chosen_ptr: As in ``preference_loss_kernel``, like all that follows.
        rejected_ptr: Log-probabilities of the rejected answers under the policy.
        ref_chosen_ptr: Those of the chosen answers under the reference.
        ref_rejected_ptr: Those of the rejected answers under the reference.
        beta: How strongly to hold on to the reference.
        n_pairs: Number of pairs.
        BLOCK: Pairs that one program works on, a power of two.

    Here d is as in ``preference_loss_kernel``. The gradients of different pairs have nothing to do
    with each other, so the grid has as many programs as it takes to cover all pairs.
    """
    # TODO 11: Compute and store both gradients of this program's pairs. Which form of the sigmoid
    #   is right for d = 1000 and for d = -1000, where exp gives inf for one of the two signs?
    pass


class PreferenceLoss(torch.autograd.Function):
    """Connects the kernels of ``preference_loss`` to PyTorch's autograd."""

    @staticmethod
    def forward(
        ctx: Any,
        chosen: torch.Tensor,
        rejected: torch.Tensor,
        ref_chosen: torch.Tensor,
        ref_rejected: torch.Tensor,
        beta: float,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Compute the loss, which has gradients, and the rewards, which have none."""
        loss = chosen.new_empty(())
        chosen_reward, rejected_reward = torch.empty_like(chosen), torch.empty_like(chosen)
        preference_loss_kernel[(1,)](
            loss,
            chosen_reward,
            rejected_reward,
            chosen,
            rejected,
            ref_chosen,
            ref_rejected,
            beta,
            chosen.numel(),
            BLOCK=SEQUENCE_BLOCK,
        )
        ctx.save_for_backward(chosen, rejected, ref_chosen, ref_rejected)
        ctx.beta = beta
        ctx.mark_non_differentiable(chosen_reward, rejected_reward)
        return loss, chosen_reward, rejected_reward

    @staticmethod
    def backward(ctx: Any, dloss: torch.Tensor, *_: Any) -> tuple[torch.Tensor | None, ...]:
        """Compute the gradients of the policy's log-probabilities; the reference has none."""
        chosen, rejected, ref_chosen, ref_rejected = ctx.saved_tensors
        dchosen, drejected = torch.empty_like(chosen), torch.empty_like(rejected)
        preference_backward_kernel[(triton.cdiv(chosen.numel(), SEQUENCE_BLOCK),)](
            dchosen,
            drejected,
            dloss,
            chosen,
            rejected,
            ref_chosen,
            ref_rejected,
            ctx.beta,
            chosen.numel(),
            BLOCK=SEQUENCE_BLOCK,
        )
        return dchosen, drejected, None, None, None


def preference_loss(
    chosen_lp: torch.Tensor,
    rejected_lp: torch.Tensor,
    ref_chosen_lp: torch.Tensor,
    ref_rejected_lp: torch.Tensor,
    beta: float,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Compute the DPO loss of a batch of pairs.

    Args:
        chosen_lp: [B], fp32, contiguous: log-probability of each chosen answer under the policy.
        rejected_lp: [B], the same of each rejected answer.
        ref_chosen_lp: [B], of each chosen answer under the reference, the policy before tuning.
        ref_rejected_lp: [B], of each rejected answer under the reference.
        beta: How strongly to hold on to the reference; a Python number, used in fp32.

    Returns:
        The loss, an fp32 scalar: mean softplus(-d), with d = beta * ((chosen_lp - rejected_lp) -
        (ref_chosen_lp - ref_rejected_lp)); 0 for no pairs. It is differentiable with respect to
        the first two arguments. Then the rewards beta * (chosen_lp - ref_chosen_lp) and
        beta * (rejected_lp - ref_rejected_lp), [B] each, for watching; without gradients. All
        are finite as long as the log-probabilities are, however far apart those lie.

    Raises:
        TypeError: A tensor is not fp32.
        ValueError: The shapes differ, or a tensor is not contiguous.
    """
    check_pairs(chosen_lp, rejected_lp, ref_chosen_lp, ref_rejected_lp)
    if chosen_lp.numel() == 0:
        return chosen_lp.sum(), torch.empty_like(chosen_lp), torch.empty_like(chosen_lp)
    return PreferenceLoss.apply(chosen_lp, rejected_lp, ref_chosen_lp, ref_rejected_lp, float(beta))


@triton.jit
def reward_loss_kernel(
    loss_ptr,
    chosen_ptr,
    rejected_ptr,
    margin_ptr,
    n_pairs,
    margin_stride,
    BLOCK: tl.constexpr,
):
    """Compute the Bradley-Terry loss of all pairs: mean softplus(-(chosen - rejected - margin)).

    Args:
        loss_ptr: Where the loss goes, one fp32 number; written.
        chosen_ptr: Where the rewards of the chosen answers [n_pairs] begin, fp32, contiguous.
        rejected_ptr: Those of the rejected answers.
        margin_ptr: Where the margins begin, fp32.
        n_pairs: Number of pairs, at least 1; any number.
        margin_stride: Elements from the margin of a pair to that of the next: 1, or 0 where one
            margin is for all pairs.
        BLOCK: Pairs that the program holds at a time, a power of two.

    The grid has a single program, like that of ``preference_loss_kernel``.
    """
    # TODO 12: Add up the losses of all pairs and store their mean, as in preference_loss_kernel.
    pass


@triton.jit
def reward_backward_kernel(
    dchosen_ptr,
    drejected_ptr,
    dloss_ptr,
    chosen_ptr,
    rejected_ptr,
    margin_ptr,
    n_pairs,
    margin_stride,
    BLOCK: tl.constexpr,
):
    """Compute dchosen = -dloss * sigmoid(-(chosen - rejected - margin)) / n_pairs.

    Args:
        dchosen_ptr: Where the gradient of the chosen rewards [n_pairs] begins, fp32; written.
        drejected_ptr: That of the rejected ones, which is -dchosen; written.
        dloss_ptr: Where the upstream gradient lies, one fp32 number.
        chosen_ptr: As in ``reward_loss_kernel``, like all that follows.
        rejected_ptr: Rewards of the rejected answers.
        margin_ptr: Margins.
        n_pairs: Number of pairs.
        margin_stride: Elements from one margin to the next, 1 or 0.
        BLOCK: Pairs that one program works on, a power of two.

    The grid is that of ``preference_backward_kernel``.
    """
    # TODO 13: Compute and store both gradients of this program's pairs.
    pass


class RewardModelLoss(torch.autograd.Function):
    """Connects the kernels of ``reward_model_loss`` to PyTorch's autograd."""

    @staticmethod
    def forward(
        ctx: Any, chosen: torch.Tensor, rejected: torch.Tensor, margin: torch.Tensor
    ) -> torch.Tensor:
        """Compute the loss; margin is [B] or [1]."""
        loss = chosen.new_empty(())
        margin_stride = 0 if margin.numel() == 1 else 1
        reward_loss_kernel[(1,)](
            loss, chosen, rejected, margin, chosen.numel(), margin_stride, BLOCK=SEQUENCE_BLOCK
        )
        ctx.save_for_backward(chosen, rejected, margin)
        ctx.margin_stride = margin_stride
        return loss

    @staticmethod
    def backward(ctx: Any, dloss: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, None]:
        """Compute the gradients of the rewards; the margin has none."""
        chosen, rejected, margin = ctx.saved_tensors
        dchosen, drejected = torch.empty_like(chosen), torch.empty_like(rejected)
        reward_backward_kernel[(triton.cdiv(chosen.numel(), SEQUENCE_BLOCK),)](
            dchosen,
            drejected,
            dloss,
            chosen,
            rejected,
            margin,
            chosen.numel(),
            ctx.margin_stride,
            BLOCK=SEQUENCE_BLOCK,
        )
        return dchosen, drejected, None


def reward_model_loss(
    r_chosen: torch.Tensor, r_rejected: torch.Tensor, margin: float | torch.Tensor = 0.0
) -> torch.Tensor:
    """Compute the Bradley-Terry loss of a batch of pairs.

    Args:
        r_chosen: [B], fp32, contiguous: what the reward model gives each chosen answer.
        r_rejected: [B], the same of each rejected answer.
        margin: By how much the chosen answer should win: a number, or [B], fp32, contiguous.

    Returns:
        The loss, an fp32 scalar: mean softplus(-(r_chosen - r_rejected - margin)); 0 for no
        pairs. Differentiable with respect to the rewards, not to the margin.

    Raises:
        TypeError: A tensor is not fp32.
        ValueError: The shapes differ, or a tensor is not contiguous.
    """
    margins = margin if isinstance(margin, torch.Tensor) else r_chosen.new_full((1,), float(margin))
    check_pairs(r_chosen, r_rejected, margins if margins is margin else r_chosen)
    if r_chosen.numel() == 0:
        return r_chosen.sum()
    return RewardModelLoss.apply(r_chosen, r_rejected, margins)


# ----------------------------------------------------------------------------- the update


@dataclass(frozen=True)
class PreferenceBatch:
    """A batch of feedback: B pairs of answers, padded to T tokens.

    Attributes:
        chosen: [B, T], int64: question and chosen answer.
        chosen_mask: [B, T], bool: true at the tokens of the answer.
        rejected: [B, T], int64: question and rejected answer.
        rejected_mask: [B, T], bool.
    """

    chosen: torch.Tensor
    chosen_mask: torch.Tensor
    rejected: torch.Tensor
    rejected_mask: torch.Tensor


class Policy(Protocol):
    """A language model that is tuned, and what it was before.

    Attributes:
        reference: The policy before tuning: takes tokens and returns logits, as the policy does.
    """

    reference: Callable[[torch.Tensor], torch.Tensor]

    def __call__(self, tokens: torch.Tensor) -> torch.Tensor:
        """Logits [B, T, V] for tokens [B, T]: row t predicts token t from those before it."""
        ...


class Optimizer(Protocol):
    """Changes the policy's parameters, as ``torch.optim.SGD`` does."""

    def zero_grad(self) -> None:
        """Forget the gradients of the last step."""
        ...

    def step(self) -> None:
        """Change the parameters by their gradients."""
        ...


def tune_step(
    policy: Policy, optimizer: Optimizer, batch: PreferenceBatch, beta: float
) -> torch.Tensor:
    """Update a policy by one batch of feedback.

    Args:
        policy: ``policy(tokens)`` gives logits, aligned with the tokens, through which gradients
            flow. ``policy.reference(tokens)`` gives those of the policy before tuning.
        optimizer: Holds the policy's parameters.
        batch: The pairs.
        beta: As in ``preference_loss``.

    Returns:
        The loss before the update, an fp32 scalar without a graph behind it. It stays on its
        device: asking for its value would make the CPU wait for the GPU in each step.
    """
    # TODO 14: Forget the gradients of the step before.
    # TODO 15: Compute the log-probabilities of all chosen and of all rejected answers, under the
    #   policy and under the reference. Nothing of the reference is ever differentiated: let
    #   PyTorch know, so that it keeps no logits for it.
    # TODO 16: Compute the loss and its gradients, let the optimizer do one step, and return the
    #   loss, detached from its graph.
    raise NotImplementedError("tune_step: TODO not done yet")


# ---------------------------------------------------------------------------- input checks


def check_sequences(logits: torch.Tensor, tokens: torch.Tensor, mask: torch.Tensor) -> None:
    """Refuse what the kernels of ``sequence_logprob`` would silently get wrong.

    Raises:
        TypeError: A tensor has a type that is not supported.
        ValueError: The shapes do not fit, or the logits of a row are not neighbours.
    """
    if logits.dtype not in FLOAT_TYPES:
        raise TypeError(f"logits are {logits.dtype}; use fp32, fp16 or bf16")
    if tokens.dtype != torch.int64 or mask.dtype != torch.bool:
        raise TypeError(f"tokens must be int64, mask bool, not {tokens.dtype} and {mask.dtype}")
    if logits.dim() != 3 or tokens.shape != logits.shape[:2] or mask.shape != tokens.shape:
        shapes = ", ".join(str(tuple(each.shape)) for each in (logits, tokens, mask))
        raise ValueError(f"expected shapes [B, T, V], [B, T], [B, T], not {shapes}")
    if tokens.numel() and logits.shape[2] == 0:
        raise ValueError("a token has no probability in an empty vocabulary")
    if logits.shape[2] > 1 and logits.stride(2) != 1:
        raise ValueError("the logits of a position must be neighbours in memory: stride 1")


def check_pairs(*tensors: torch.Tensor) -> None:
    """Refuse what the kernels of the losses would silently get wrong.

    Raises:
        TypeError: A tensor is not fp32.
        ValueError: The shapes differ, or a tensor is not contiguous.
    """
    for tensor in tensors:
        if tensor.dtype != torch.float32:
            raise TypeError(f"a tensor is {tensor.dtype}; all must be fp32")
        if tensor.dim() != 1 or tensor.shape != tensors[0].shape:
            raise ValueError(f"expected vectors of one length, not {[t.shape for t in tensors]}")
        if not tensor.is_contiguous():
            raise ValueError("the tensors must be contiguous: the kernels count on neighbours")
