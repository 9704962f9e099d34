"""Lesson 7 with nothing honest in it: what cheats that are tried on several lessons start from.

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
def cross_entropy_kernel(to_ptr, from_ptr, n, BLOCK: tl.constexpr):
    copy(to_ptr, from_ptr, n, BLOCK)


@triton.jit
def scale_kernel(to_ptr, from_ptr, n, BLOCK: tl.constexpr):
    copy(to_ptr, from_ptr, n, BLOCK)


@triton.jit
def focal_loss_kernel(to_ptr, from_ptr, n, BLOCK: tl.constexpr):
    copy(to_ptr, from_ptr, n, BLOCK)


@triton.jit
def focal_loss_backward_kernel(to_ptr, from_ptr, n, BLOCK: tl.constexpr):
    copy(to_ptr, from_ptr, n, BLOCK)


@triton.jit
def layer_norm_kernel(to_ptr, from_ptr, n, BLOCK: tl.constexpr):
    copy(to_ptr, from_ptr, n, BLOCK)


@triton.jit
def layer_norm_backward_kernel(to_ptr, from_ptr, n, BLOCK: tl.constexpr):
    copy(to_ptr, from_ptr, n, BLOCK)


@triton.jit
def column_sums_kernel(to_ptr, from_ptr, n, BLOCK: tl.constexpr):
    copy(to_ptr, from_ptr, n, BLOCK)


def through(kernels, values):
    """A new tensor with these values, copied by each of the kernels."""
    values = values.contiguous()
    result = torch.empty_like(values)
    for kernel in kernels if values.numel() else ():
        kernel[(triton.cdiv(values.numel(), 1024),)](result, values, values.numel(), BLOCK=1024)
    return result


def cross_entropy(logits, targets, ignore_index=-100, label_smoothing=0.0, z_loss=0.0):
    return through(KERNELS["cross_entropy"], torch.zeros((), device=logits.device))


def focal_loss(logits, targets, gamma=2.0):
    return through(KERNELS["focal_loss"], torch.zeros((), device=logits.device))


def layer_norm(x, weight, bias, eps=1e-5):
    return through(KERNELS["layer_norm"], torch.zeros_like(x))


def train(inputs, targets, parameters, n_steps, batch_size, learning_rate):
    return tuple(through(KERNELS["train"], torch.zeros_like(one)) for one in parameters)


def torch_cross_entropy(logits, targets, ignore_index=-100, label_smoothing=0.0, z_loss=0.0):
    wanted = targets != ignore_index
    loss = functional.cross_entropy(
        logits.float(), targets, ignore_index=ignore_index, label_smoothing=label_smoothing
    )
    squares = logits.float().logsumexp(-1).square()
    return loss + z_loss * squares.where(wanted, torch.zeros_like(squares)).sum() / wanted.sum()


def torch_focal(logits, targets, gamma=2.0):
    each = functional.cross_entropy(logits.float(), targets, reduction="none")
    return ((1 - torch.exp(-each)) ** gamma * each).mean()


def torch_layer_norm(x, weight, bias, eps=1e-5):
    return functional.layer_norm(x, x.shape[-1:], weight, bias, eps)


def torch_train(inputs, targets, parameters, n_steps, batch_size, learning_rate):
    return parameters  # no shorter in PyTorch than in the lesson; no cheat asks for it


KERNELS = {
    "cross_entropy": [cross_entropy_kernel, scale_kernel],
    "focal_loss": [focal_loss_kernel, focal_loss_backward_kernel],
    "layer_norm": [layer_norm_kernel, layer_norm_backward_kernel, column_sums_kernel],
    "train": [
        cross_entropy_kernel,
        scale_kernel,
        layer_norm_kernel,
        layer_norm_backward_kernel,
        column_sums_kernel,
    ],
}
ANSWERS = {
    "cross_entropy": torch_cross_entropy,
    "focal_loss": torch_focal,
    "layer_norm": torch_layer_norm,
    "train": torch_train,
}
