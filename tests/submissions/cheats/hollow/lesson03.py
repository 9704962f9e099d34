"""Lesson 3 with nothing honest in it: what cheats that are tried on several lessons start from.

Every kernel copies, every function copies zeros and so earns nothing by itself. ``ANSWERS`` has
the right results as PyTorch computes them, for cheats that get them past the grader somehow.
"""

import torch
import triton
import triton.language as tl


@triton.jit
def copy(to_ptr, from_ptr, n, BLOCK: tl.constexpr):
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    tl.store(to_ptr + at, tl.load(from_ptr + at, mask=at < n), mask=at < n)


@triton.jit
def softmax_kernel(to_ptr, from_ptr, n, BLOCK: tl.constexpr):
    copy(to_ptr, from_ptr, n, BLOCK)


@triton.jit
def softmax_long_kernel(to_ptr, from_ptr, n, BLOCK: tl.constexpr):
    copy(to_ptr, from_ptr, n, BLOCK)


def through(kernels, values):
    """A new tensor with these values, copied by each of the kernels."""
    values = values.contiguous()
    result = torch.empty_like(values)
    for kernel in kernels if values.numel() else ():
        kernel[(triton.cdiv(values.numel(), 1024),)](result, values, values.numel(), BLOCK=1024)
    return result


def softmax(x):
    return through([softmax_kernel], torch.zeros(x.shape, dtype=x.dtype, device=x.device))


def softmax_(x):
    return x.copy_(through([softmax_kernel], torch.zeros_like(x)))


def softmax_long(x):
    return through([softmax_long_kernel], torch.zeros(x.shape, dtype=x.dtype, device=x.device))


KERNELS = {
    "softmax": [softmax_kernel],
    "softmax_": [softmax_kernel],
    "softmax_long": [softmax_long_kernel],
}
ANSWERS = {
    "softmax": lambda x: torch.softmax(x, -1).contiguous(),
    "softmax_": lambda x: x.copy_(torch.softmax(x, -1)),
    "softmax_long": lambda x: torch.softmax(x, -1).contiguous(),
}
