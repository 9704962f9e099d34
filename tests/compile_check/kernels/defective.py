"""Kernels that a GPU never gets to run. Each marks the line where a student has to look.

A function ``launch_<kernel>`` launches each of them as a student's host code would.
"""

from __future__ import annotations

import math

import torch
import triton
import triton.language as tl

PLAIN_NUMBER = 2.0


def square(size: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.ones(size, size, dtype=dtype)


@triton.jit
def small_dot(x_ptr, y_ptr):
    i = tl.arange(0, 8)
    tile = tl.load(x_ptr + i[:, None] * 8 + i[None, :])
    product = tl.dot(tile, tile)  # DEFECT
    tl.store(y_ptr + i[:, None] * 8 + i[None, :], product)


def launch_small_dot():
    small_dot[(1,)](square(8), square(8))


@triton.jit
def block_of_runtime_size(x_ptr, y_ptr, n):
    i = tl.arange(0, n)  # DEFECT
    tl.store(y_ptr + i, tl.load(x_ptr + i))


def launch_block_of_runtime_size():
    block_of_runtime_size[(1,)](torch.ones(16), torch.ones(16), 16)


@triton.jit
def python_math(x_ptr, y_ptr):
    x = tl.load(x_ptr)
    tl.store(y_ptr, math.sqrt(x))  # DEFECT


def launch_python_math():
    python_math[(1,)](torch.ones(1), torch.ones(1))


@triton.jit
def torch_call(x_ptr, y_ptr):
    scale = torch.tensor(2.0)  # DEFECT
    tl.store(y_ptr, tl.load(x_ptr) * float(scale))


def launch_torch_call():
    torch_call[(1,)](torch.ones(1), torch.ones(1))


@triton.jit
def block_of_48(x_ptr, y_ptr):
    i = tl.arange(0, 48)  # DEFECT
    tl.store(y_ptr + i, tl.load(x_ptr + i))


def launch_block_of_48():
    block_of_48[(1,)](torch.ones(48), torch.ones(48))


@triton.jit
def leaves_loop(x_ptr, y_ptr, n):
    total = 0.0
    for k in range(0, n):
        if k > 3:
            break  # DEFECT
        total += tl.load(x_ptr + k)
    tl.store(y_ptr, total)


def launch_leaves_loop():
    leaves_loop[(1,)](torch.ones(16), torch.ones(1), 16)


@triton.jit
def skips_iteration(x_ptr, y_ptr, n):
    total = 0.0
    for k in range(0, n):
        if k == 3:
            continue  # DEFECT
        total += tl.load(x_ptr + k)
    tl.store(y_ptr, total)


def launch_skips_iteration():
    skips_iteration[(1,)](torch.ones(16), torch.ones(1), 16)


@triton.jit
def returns_from_loop(x_ptr, y_ptr, n):
    for k in range(0, n):
        if tl.load(x_ptr + k) > 0:  # DEFECT
            tl.store(y_ptr, 1.0)
            return


def launch_returns_from_loop():
    returns_from_loop[(1,)](torch.ones(16), torch.ones(1), 16)


@triton.jit
def changes_type_in_loop(x_ptr, y_ptr, n):
    total = 0
    for k in range(0, n):  # DEFECT
        total = total + tl.load(x_ptr + k)
    tl.store(y_ptr, total)


def launch_changes_type_in_loop():
    changes_type_in_loop[(1,)](torch.ones(16), torch.ones(1), 16)


@triton.jit
def branches_differ_in_type(x_ptr, y_ptr, n):
    if n > 3:  # DEFECT
        x = tl.load(x_ptr)
    else:
        x = tl.load(x_ptr + tl.arange(0, 16))
        x = x * 2
    tl.store(y_ptr + tl.arange(0, 16), x)


def launch_branches_differ_in_type():
    branches_differ_in_type[(1,)](torch.ones(16), torch.ones(16), 16)


@triton.jit
def branches_on_block(x_ptr, y_ptr):
    i = tl.arange(0, 16)
    x = tl.load(x_ptr + i)
    if x > 0:  # DEFECT
        x = x * 2
    tl.store(y_ptr + i, x)


def launch_branches_on_block():
    branches_on_block[(1,)](torch.ones(16), torch.ones(16))


@triton.jit
def chooses_by_block(x_ptr, y_ptr):
    i = tl.arange(0, 16)
    x = tl.load(x_ptr + i)
    x = x * 2 if x > 0 else x  # DEFECT
    tl.store(y_ptr + i, x)


def launch_chooses_by_block():
    chooses_by_block[(1,)](torch.ones(16), torch.ones(16))


@triton.jit
def list_comprehension(x_ptr, y_ptr):
    parts = [tl.load(x_ptr + k) for k in range(4)]  # DEFECT
    tl.store(y_ptr, parts[0] + parts[3])


def launch_list_comprehension():
    list_comprehension[(1,)](torch.ones(4), torch.ones(1))


@triton.jit
def indexes_block(x_ptr, y_ptr):
    x = tl.load(x_ptr + tl.arange(0, 16))
    tl.store(y_ptr, x[0])  # DEFECT


def launch_indexes_block():
    indexes_block[(1,)](torch.ones(16), torch.ones(1))


@triton.jit
def global_number(x_ptr, y_ptr):
    x = tl.load(x_ptr)
    tl.store(y_ptr, x * PLAIN_NUMBER)  # DEFECT


def launch_global_number():
    global_number[(1,)](torch.ones(1), torch.ones(1))


@triton.jit
def exponential_of_integers(x_ptr, y_ptr):
    i = tl.arange(0, 16)
    tl.store(y_ptr + i, tl.exp(i))  # DEFECT


def launch_exponential_of_integers():
    exponential_of_integers[(1,)](torch.ones(16), torch.ones(16))


@triton.jit
def unrolls_runtime_loop(x_ptr, y_ptr, n):
    total = 0.0
    for k in tl.static_range(n):  # DEFECT
        total += tl.load(x_ptr + k)
    tl.store(y_ptr, total)


def launch_unrolls_runtime_loop():
    unrolls_runtime_loop[(1,)](torch.ones(16), torch.ones(1), 16)


@triton.jit
def dictionary(x_ptr, y_ptr):
    pointers = {"x": x_ptr}  # DEFECT
    tl.store(y_ptr, tl.load(pointers["x"]))


def launch_dictionary():
    dictionary[(1,)](torch.ones(1), torch.ones(1))


@triton.jit
def block_too_large(y_ptr):
    i = tl.arange(0, 2097152)  # DEFECT
    tl.store(y_ptr + i, 0.0)


def launch_block_too_large():
    block_too_large[(1,)](torch.ones(2097152))


@triton.jit
def mean_of_row(x, n):
    total = tl.sum(x, axis=0)
    return total / math.floor(n)  # DEFECT mean_of_row


@triton.jit
def calls_defective_function(x_ptr, y_ptr, n):
    x = tl.load(x_ptr + tl.arange(0, 16))
    tl.store(y_ptr, mean_of_row(x, n))


def launch_calls_defective_function():
    calls_defective_function[(1,)](torch.ones(16), torch.ones(1), 16)


@triton.jit
def wrong_axis(x_ptr, y_ptr):
    x = tl.load(x_ptr + tl.arange(0, 16))
    tl.store(y_ptr, tl.sum(x, axis=1))  # DEFECT


def launch_wrong_axis():
    wrong_axis[(1,)](torch.ones(16), torch.ones(1))


@triton.jit
def copies(x_ptr, y_ptr, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    tl.store(y_ptr + i, tl.load(x_ptr + i))


def launch_three_warps():
    copies[(1,)](torch.ones(16), torch.ones(16), BLOCK=16, num_warps=3)  # DEFECT


def launch_too_many_threads():
    copies[(1,)](torch.ones(16), torch.ones(16), BLOCK=16, num_warps=64)  # DEFECT


@triton.jit
def adds_up_rows(x_ptr, y_ptr, n, BLOCK: tl.constexpr, STAGES: tl.constexpr):
    i = tl.arange(0, BLOCK)
    total = tl.zeros((BLOCK,), tl.float32)
    for start in tl.range(0, n, BLOCK, num_stages=STAGES):
        total += tl.load(x_ptr + start + i)
    tl.store(y_ptr + i, total)


def launch_out_of_shared_memory():
    x, y = torch.ones(32768), torch.empty(16384)
    adds_up_rows[(1,)](x, y, 32768, BLOCK=16384, STAGES=6, num_warps=16)  # DEFECT


@triton.jit
def rounds_to_fp8(x_ptr, y_ptr):
    i = tl.arange(0, 16)
    x = tl.load(x_ptr + i).to(tl.float8e4nv)  # DEFECT
    tl.store(y_ptr + i, x.to(tl.float32))


def launch_rounds_to_fp8():
    rounds_to_fp8[(1,)](torch.ones(16), torch.ones(16))
