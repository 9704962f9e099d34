"""Lesson 2 with nothing honest in it: what cheats that are tried on several lessons start from.

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
def add_mul_kernel(to_ptr, from_ptr, n, BLOCK: tl.constexpr):
    copy(to_ptr, from_ptr, n, BLOCK)


@triton.jit
def bias_gelu_residual_kernel(to_ptr, from_ptr, n, BLOCK: tl.constexpr):
    copy(to_ptr, from_ptr, n, BLOCK)


@triton.jit
def dropout_kernel(to_ptr, from_ptr, n, BLOCK: tl.constexpr):
    copy(to_ptr, from_ptr, n, BLOCK)


def through(kernels, values):
    """A new tensor with these values, copied by each of the kernels."""
    values = values.contiguous()
    result = torch.empty_like(values)
    for kernel in kernels if values.numel() else ():
        kernel[(triton.cdiv(values.numel(), 1024),)](result, values, values.numel(), BLOCK=1024)
    return result


def add_mul(x, y, z):
    return through([add_mul_kernel], torch.zeros_like(x))


def bias_gelu_residual(x, bias, residual):
    return through([bias_gelu_residual_kernel], torch.zeros_like(x.contiguous()))


def dropout_scale(x, p, seed):
    return through([dropout_kernel], torch.zeros_like(x))


def dropout_scale_backward(dy, p, seed):
    return through([dropout_kernel], torch.zeros_like(dy))


KERNELS = {
    "add_mul": [add_mul_kernel],
    "bias_gelu_residual": [bias_gelu_residual_kernel],
    "dropout_scale": [dropout_kernel],
    "dropout_scale_backward": [dropout_kernel],
}
ANSWERS = {
    "add_mul": lambda x, y, z: ((x.float() + y.float()) * z.float()).to(x.dtype),
    "bias_gelu_residual": lambda x, bias, residual: (
        functional.gelu(x.float() + bias.float(), approximate="tanh") + residual.float()
    ).to(x.dtype),
    "dropout_scale": lambda x, p, seed: functional.dropout(x, p),
    "dropout_scale_backward": lambda dy, p, seed: functional.dropout(dy, p),
}
