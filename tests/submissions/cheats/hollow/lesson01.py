"""Lesson 1 with nothing honest in it: what cheats that are tried on several lessons start from.

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
def add_kernel(to_ptr, from_ptr, n, BLOCK: tl.constexpr):
    copy(to_ptr, from_ptr, n, BLOCK)


@triton.jit
def saxpy_kernel(to_ptr, from_ptr, n, BLOCK: tl.constexpr):
    copy(to_ptr, from_ptr, n, BLOCK)


@triton.jit
def add_rows_kernel(to_ptr, from_ptr, n, BLOCK: tl.constexpr):
    copy(to_ptr, from_ptr, n, BLOCK)


def through(kernels, values):
    """A new tensor with these values, copied by each of the kernels."""
    values = values.contiguous()
    result = torch.empty_like(values)
    for kernel in kernels if values.numel() else ():
        kernel[(triton.cdiv(values.numel(), 1024),)](result, values, values.numel(), BLOCK=1024)
    return result


def add(x, y):
    return through([add_kernel], torch.zeros_like(x))


def saxpy(a, x, y):
    return through([saxpy_kernel], torch.zeros_like(x))


def add_rows(x, row):
    return through([add_rows_kernel], torch.zeros_like(x.contiguous()))


KERNELS = {
    "add": [add_kernel],
    "saxpy": [saxpy_kernel],
    "add_rows": [add_rows_kernel],
}
ANSWERS = {
    "add": lambda x, y: x + y,
    "saxpy": lambda a, x, y: (a * x.float() + y.float()).to(x.dtype),
    "add_rows": lambda x, row: x + row,
}
