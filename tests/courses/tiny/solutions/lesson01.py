"""The tiny lesson."""

import torch
import triton
import triton.language as tl

BLOCK = 16


@triton.jit
def double_kernel(y_ptr, x_ptr, n, BLOCK: tl.constexpr):
    # TODO: double one block
    ### BEGIN SOLUTION
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    tl.store(y_ptr + offsets, 2 * tl.load(x_ptr + offsets, mask=mask), mask=mask)
    ### END SOLUTION


def double(x: torch.Tensor) -> torch.Tensor:
    # TODO: launch double_kernel
    ### BEGIN SOLUTION
    y = torch.empty_like(x)
    double_kernel[(triton.cdiv(x.numel(), BLOCK),)](y, x, x.numel(), BLOCK=BLOCK)
    return y
    ### END SOLUTION


@triton.jit
def negate_kernel(y_ptr, x_ptr, n, BLOCK: tl.constexpr):
    # TODO: negate one block
    ### BEGIN SOLUTION
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    tl.store(y_ptr + offsets, -tl.load(x_ptr + offsets, mask=mask), mask=mask)
    ### END SOLUTION


def negate(x: torch.Tensor) -> torch.Tensor:
    y = torch.empty_like(x)
    negate_kernel[(triton.cdiv(x.numel(), BLOCK),)](y, x, x.numel(), BLOCK=BLOCK)
    return y
