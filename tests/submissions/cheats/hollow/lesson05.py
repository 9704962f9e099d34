"""Lesson 5 with nothing honest in it: what cheats that are tried on several lessons start from.

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
def matmul_kernel(to_ptr, from_ptr, n, BLOCK: tl.constexpr):
    copy(to_ptr, from_ptr, n, BLOCK)


@triton.jit
def matmul_grouped_kernel(to_ptr, from_ptr, n, BLOCK: tl.constexpr):
    copy(to_ptr, from_ptr, n, BLOCK)


@triton.jit
def linear_gelu_kernel(to_ptr, from_ptr, n, BLOCK: tl.constexpr):
    copy(to_ptr, from_ptr, n, BLOCK)


@triton.jit
def matmul_persistent_kernel(to_ptr, from_ptr, n, BLOCK: tl.constexpr):
    copy(to_ptr, from_ptr, n, BLOCK)


def through(kernels, values):
    """A new tensor with these values, copied by each of the kernels."""
    values = values.contiguous()
    result = torch.empty_like(values)
    for kernel in kernels if values.numel() else ():
        kernel[(triton.cdiv(values.numel(), 1024),)](result, values, values.numel(), BLOCK=1024)
    return result


def matmul(a, b):
    return through([matmul_kernel], a.new_zeros(a.shape[0], b.shape[1]))


def matmul_grouped(a, b):
    return through([matmul_grouped_kernel], a.new_zeros(a.shape[0], b.shape[1]))


def linear_gelu(x, w, bias):
    return through([linear_gelu_kernel], x.new_zeros(x.shape[0], w.shape[0]))


def matmul_persistent(a, b_t):
    return through([matmul_persistent_kernel], a.new_zeros(a.shape[0], b_t.shape[0]))


KERNELS = {
    "matmul": [matmul_kernel],
    "matmul_grouped": [matmul_grouped_kernel],
    "linear_gelu": [linear_gelu_kernel],
    "matmul_persistent": [matmul_persistent_kernel],
}
ANSWERS = {
    "matmul": lambda a, b: a @ b,
    "matmul_grouped": lambda a, b: a @ b,
    "linear_gelu": lambda x, w, bias: functional.gelu(
        x.float() @ w.float().T + bias.float(), approximate="tanh"
    ).to(x.dtype),
    "matmul_persistent": lambda a, b_t: a @ b_t.T,
}
