"""Kernels to be watched."""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def double(z_ptr, x_ptr, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    tl.store(z_ptr + offsets, 2 * tl.load(x_ptr + offsets, mask=mask), mask=mask)


@triton.jit
def double_unmasked(z_ptr, x_ptr, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(z_ptr + offsets, 2 * tl.load(x_ptr + offsets))


@triton.jit
def double_tiles(z_ptr, x_ptr, rows, columns, stride, M: tl.constexpr, N: tl.constexpr):
    i = tl.program_id(0) * M + tl.arange(0, M)
    j = tl.program_id(1) * N + tl.arange(0, N)
    mask = (i[:, None] < rows) & (j[None, :] < columns)
    x = tl.load(x_ptr + i[:, None] * stride + j[None, :], mask=mask)
    tl.store(z_ptr + i[:, None] * columns + j[None, :], 2 * x, mask=mask)


@triton.jit
def count(total_ptr, BLOCK: tl.constexpr):
    tl.atomic_add(total_ptr + tl.arange(0, BLOCK), 1.0)


@triton.jit
def double_in_place(x_ptr, n):
    for index in range(n):
        tl.store(x_ptr + index, 2 * tl.load(x_ptr + index))
