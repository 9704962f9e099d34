"""Lesson 6 with nothing honest in it: what cheats that are tried on several lessons start from.

Every kernel copies, every function copies zeros and so earns nothing by itself. ``ANSWERS`` has
the right results as PyTorch computes them, for cheats that get them past the grader somehow.
"""

import torch
import triton
import triton.language as tl
from torch.nn import functional


@triton.jit
def copy(to_ptr, from_ptr, n, BLOCK: tl.constexpr):
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    tl.store(to_ptr + at, tl.load(from_ptr + at, mask=at < n), mask=at < n)


@triton.jit
def token_logprob_kernel(to_ptr, from_ptr, n, BLOCK: tl.constexpr):
    copy(to_ptr, from_ptr, n, BLOCK)


@triton.jit
def logprob_backward_kernel(to_ptr, from_ptr, n, BLOCK: tl.constexpr):
    copy(to_ptr, from_ptr, n, BLOCK)


@triton.jit
def preference_loss_kernel(to_ptr, from_ptr, n, BLOCK: tl.constexpr):
    copy(to_ptr, from_ptr, n, BLOCK)


@triton.jit
def preference_backward_kernel(to_ptr, from_ptr, n, BLOCK: tl.constexpr):
    copy(to_ptr, from_ptr, n, BLOCK)


@triton.jit
def reward_loss_kernel(to_ptr, from_ptr, n, BLOCK: tl.constexpr):
    copy(to_ptr, from_ptr, n, BLOCK)


@triton.jit
def reward_backward_kernel(to_ptr, from_ptr, n, BLOCK: tl.constexpr):
    copy(to_ptr, from_ptr, n, BLOCK)


def through(kernels, values):
    """A new tensor with these values, copied by each of the kernels."""
    values = values.contiguous()
    result = torch.empty_like(values)
    for kernel in kernels if values.numel() else ():
        kernel[(triton.cdiv(values.numel(), 1024),)](result, values, values.numel(), BLOCK=1024)
    return result


def sequence_logprob(logits, tokens, mask):
    return through(KERNELS["sequence_logprob"], logits.new_zeros(logits.shape[0]).float())


def preference_loss(chosen_lp, rejected_lp, ref_chosen_lp, ref_rejected_lp, beta):
    loss = through(KERNELS["preference_loss"], chosen_lp.new_zeros(()))
    return loss, torch.zeros_like(chosen_lp), torch.zeros_like(rejected_lp)


def reward_model_loss(r_chosen, r_rejected, margin=0.0):
    return through(KERNELS["reward_model_loss"], r_chosen.new_zeros(()))


def tune_step(policy, optimizer, batch, beta):
    return through(KERNELS["tune_step"], torch.zeros((), device=batch.chosen.device))


def torch_logprob(logits, tokens, mask):
    rows = functional.log_softmax(logits.float(), -1)
    each = rows.gather(-1, tokens.where(mask, torch.zeros_like(tokens))[..., None])[..., 0]
    return each.where(mask, torch.zeros_like(each)).sum(-1)


def torch_preference(chosen_lp, rejected_lp, ref_chosen_lp, ref_rejected_lp, beta):
    margin = beta * ((chosen_lp - rejected_lp) - (ref_chosen_lp - ref_rejected_lp))
    rewards = beta * (chosen_lp - ref_chosen_lp), beta * (rejected_lp - ref_rejected_lp)
    return functional.softplus(-margin).mean(), *(one.detach() for one in rewards)


def torch_reward(r_chosen, r_rejected, margin=0.0):
    return functional.softplus(-(r_chosen - r_rejected - margin)).mean()


def torch_step(policy, optimizer, batch, beta):
    sides = (batch.chosen, batch.chosen_mask), (batch.rejected, batch.rejected_mask)
    optimizer.zero_grad()
    own = [torch_logprob(policy(tokens), tokens, mask) for tokens, mask in sides]
    with torch.no_grad():
        before = [torch_logprob(policy.reference(tokens), tokens, mask) for tokens, mask in sides]
    loss, _, _ = torch_preference(*own, *before, beta)
    loss.backward()
    optimizer.step()
    return loss.detach()


_LOGPROB = [token_logprob_kernel, logprob_backward_kernel]
_PREFERENCE = [preference_loss_kernel, preference_backward_kernel]
KERNELS = {
    "sequence_logprob": _LOGPROB,
    "preference_loss": _PREFERENCE,
    "reward_model_loss": [reward_loss_kernel, reward_backward_kernel],
    "tune_step": [*_LOGPROB, *_PREFERENCE],
}
ANSWERS = {
    "sequence_logprob": torch_logprob,
    "preference_loss": torch_preference,
    "reward_model_loss": torch_reward,
    "tune_step": torch_step,
}
