"""Right kernels of every kind that a student of the course writes, or may think of."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from triton.language.extra import libdevice
from triton.tools.tensor_descriptor import TensorDescriptor

EPSILON = tl.constexpr(1e-5)

# Compiled for an AMD GPU as well.
ALSO_ON_AMD = {"add", "add_misaligned", "softmax", "matmul", "histogram", "fp8", "scan", "fp64"}


@triton.jit
def add(x_ptr, y_ptr, out_ptr, n, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = i < n
    total = tl.load(x_ptr + i, mask=mask) + tl.load(y_ptr + i, mask=mask)  # LOADS
    tl.store(out_ptr + i, total, mask=mask)  # STORES


def launch_add():
    x = torch.ones(1024)
    add[(1,)](x, x, torch.empty(1024), 1024, BLOCK=1024)


def launch_add_misaligned():
    x = torch.ones(1025)[1:]
    add[(1,)](x, x, torch.empty(1024), 1024, BLOCK=1024)


def launch_add_same_twice():
    x = torch.ones(1024)
    for n in (1024, 1008, 512):
        add[(1,)](x, x, torch.empty(1024), n, BLOCK=1024)


def launch_add_odd_length():
    x = torch.ones(1024)
    add[(1,)](x, x, torch.empty(1024), 1001, BLOCK=1024)


@triton.jit
def softmax(x_ptr, y_ptr, stride, n_cols, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    column = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + row * stride + column, mask=column < n_cols, other=-float("inf"))
    e = tl.exp(x - tl.max(x, axis=0))
    tl.store(y_ptr + row * stride + column, e / tl.sum(e, axis=0), mask=column < n_cols)


def launch_softmax():
    x = torch.ones(3, 1000)
    softmax[(3,)](x, torch.empty_like(x), x.stride(0), 1000, BLOCK=1024, num_warps=8)


@triton.autotune(
    configs=[
        triton.Config({"BLOCK_M": 64, "BLOCK_N": 32, "BLOCK_K": 32}, num_warps=4, num_stages=3),
        triton.Config({"BLOCK_M": 32, "BLOCK_N": 32, "BLOCK_K": 64}, num_warps=2, num_stages=2),
    ],
    key=["M", "N", "K"],
)
@triton.jit
def matmul(
    a_ptr, b_ptr, c_ptr, M, N, K,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr,
):  # fmt: skip
    rows = tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M)
    columns = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
    inner = tl.arange(0, BLOCK_K)
    total = tl.zeros((BLOCK_M, BLOCK_N), tl.float32)
    for k in range(0, K, BLOCK_K):
        a_mask = (rows[:, None] < M) & (k + inner[None, :] < K)
        b_mask = (k + inner[:, None] < K) & (columns[None, :] < N)
        a = tl.load(a_ptr + rows[:, None] * K + k + inner[None, :], mask=a_mask, other=0.0)
        b = tl.load(b_ptr + (k + inner[:, None]) * N + columns[None, :], mask=b_mask, other=0.0)
        total = tl.dot(a, b, total)
    c = c_ptr + rows[:, None] * N + columns[None, :]
    tl.store(c, total.to(tl.float16), mask=(rows[:, None] < M) & (columns[None, :] < N))


def launch_matmul():
    a = torch.ones(64, 64, dtype=torch.float16)
    grid = lambda meta: (triton.cdiv(64, meta["BLOCK_M"]), triton.cdiv(64, meta["BLOCK_N"]))  # noqa: E731
    matmul[grid](a, a, torch.empty_like(a), 64, 64, 64)


@triton.jit
def histogram(x_ptr, counts_ptr, n, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    bins = tl.load(x_ptr + i, mask=i < n, other=0)
    tl.atomic_add(counts_ptr + bins, 1, mask=i < n, sem="relaxed")


def launch_histogram():
    x = torch.zeros(100, dtype=torch.int32)
    histogram[(2,)](x, torch.zeros(4, dtype=torch.int32), 100, BLOCK=64)


@triton.jit
def variance(x, n):
    mean = tl.sum(x, axis=0) / n
    return tl.sum((x - mean) * (x - mean), axis=0) / n


@triton.jit
def normalise(x_ptr, y_ptr, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + i)
    tl.store(y_ptr + i, (x - tl.sum(x, axis=0) / BLOCK) * tl.rsqrt(variance(x, BLOCK) + EPSILON))


def launch_nested_functions():
    normalise[(1,)](torch.rand(64), torch.empty(64), BLOCK=64)


@triton.jit
def gelu_bf16(x_ptr, y_ptr, n, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + i, mask=i < n).to(tl.float32)
    inner = 0.7978845608 * (x + 0.044715 * x * x * x)
    y = 0.5 * x * (1 + libdevice.tanh(inner))
    tl.store(y_ptr + i, y.to(tl.bfloat16), mask=i < n)


def launch_bf16_and_libdevice():
    x = torch.ones(100, dtype=torch.bfloat16)
    gelu_bf16[(1,)](x, torch.empty_like(x), 100, BLOCK=128)


@triton.jit
def scale_fp8(x_ptr, y_ptr, scale, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + i).to(tl.float32) * scale
    tl.store(y_ptr + i, x.to(tl.float8e5))


def launch_fp8():
    x = torch.ones(64).to(torch.float8_e5m2)
    scale_fp8[(1,)](x, torch.empty_like(x), 0.5, BLOCK=64)


@triton.jit
def transpose_by_descriptor(x_desc, y_desc, BLOCK: tl.constexpr):
    row, column = tl.program_id(0) * BLOCK, tl.program_id(1) * BLOCK
    y_desc.store([column, row], x_desc.load([row, column]).T)


def launch_tensor_descriptors():
    x, y = torch.ones(64, 64), torch.empty(64, 64)
    block = [32, 32]
    x_desc, y_desc = TensorDescriptor.from_tensor(x, block), TensorDescriptor.from_tensor(y, block)
    transpose_by_descriptor[(2, 2)](x_desc, y_desc, BLOCK=32)


@triton.jit
def persistent(x_ptr, y_ptr, n, BLOCK: tl.constexpr):
    for start in tl.range(tl.program_id(0) * BLOCK, n, tl.num_programs(0) * BLOCK, num_stages=2):
        i = start + tl.arange(0, BLOCK)
        tl.store(y_ptr + i, tl.load(x_ptr + i, mask=i < n) * 2, mask=i < n)


def launch_persistent_loop():
    persistent[(2,)](torch.ones(1000), torch.empty(1000), 1000, BLOCK=128)


@triton.jit
def compose(a1, b1, a2, b2):
    return a1 * a2, b1 * a2 + b2


@triton.jit
def recurrence(a_ptr, b_ptr, y_ptr, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    _, y = tl.associative_scan((tl.load(a_ptr + i), tl.load(b_ptr + i)), 0, compose)
    tl.store(y_ptr + i, tl.cumsum(y, axis=0))


def launch_scan():
    recurrence[(1,)](torch.rand(64), torch.rand(64), torch.empty(64), BLOCK=64)


@triton.heuristics({"EVEN": lambda given: given["n"] % given["BLOCK"] == 0})
@triton.jit
def copy_maybe_masked(x_ptr, y_ptr, n, BLOCK: tl.constexpr, EVEN: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    if EVEN:
        tl.store(y_ptr + i, tl.load(x_ptr + i))
    else:
        tl.store(y_ptr + i, tl.load(x_ptr + i, mask=i < n), mask=i < n)


def launch_heuristics():
    copy_maybe_masked[(2,)](torch.ones(128), torch.empty(128), 128, BLOCK=64)


def make_activation(slope: float):
    negative = tl.constexpr(slope)

    @triton.jit
    def leaky_relu(x_ptr, BLOCK: tl.constexpr):
        i = tl.arange(0, BLOCK)
        x = tl.load(x_ptr + i)
        tl.store(x_ptr + i, tl.where(x > 0, x, x * negative))

    return leaky_relu


def launch_closure_in_place():
    make_activation(0.1)[(1,)](torch.ones(64), BLOCK=64)


@triton.jit
def apply(x_ptr, y_ptr, function: tl.constexpr, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    tl.store(y_ptr + i, function(tl.load(x_ptr + i), BLOCK))


def launch_function_argument():
    apply[(1,)](torch.rand(64), torch.empty(64), variance, BLOCK=64)


@triton.jit
def sums_of_pair(pair, y_ptr, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    tl.store(y_ptr, tl.sum(tl.load(pair[0] + i) * pair[1], axis=0))


def launch_tuple_argument():
    sums_of_pair[(1,)]((torch.ones(64), 3), torch.empty(1), BLOCK=64)


@triton.jit
def first_positive(x_ptr, y_ptr, n):
    k = 0
    while (k < n) & (tl.load(x_ptr + k) <= 0):
        k += 1
    tl.store(y_ptr, k)


def launch_while_loop():
    first_positive[(1,)](torch.tensor([-1.0, 2.0, 3.0]), torch.zeros(1, dtype=torch.int32), 3)


@triton.jit
def dropout(x_ptr, y_ptr, p, seed, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    kept = tl.rand(seed, i) > p
    tl.store(y_ptr + i, tl.where(kept, tl.load(x_ptr + i) / (1 - p), 0.0))


def launch_random_numbers():
    dropout[(1,)](torch.ones(64), torch.empty(64), 0.5, 2**40 + 7, BLOCK=64)


@triton.jit
def quantised_product(a_ptr, b_ptr, c_ptr, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    tile = i[:, None] * BLOCK + i[None, :]
    product = tl.dot(tl.load(a_ptr + tile), tl.load(b_ptr + tile), out_dtype=tl.int32)
    tl.store(c_ptr + tile, product)


def launch_int8_product():
    a = torch.ones(32, 32, dtype=torch.int8)
    quantised_product[(1,)](a, a, torch.empty(32, 32, dtype=torch.int32), BLOCK=32)


@triton.jit
def outer_in_fp64(x_ptr, y_ptr, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + i).to(tl.float64)
    tl.store(y_ptr + i, (x * x + 1).to(tl.float32))


def launch_fp64():
    outer_in_fp64[(1,)](torch.ones(64), torch.empty(64), BLOCK=64)


@triton.jit
def row_shares(x_ptr, y_ptr, ROWS: tl.constexpr, COLUMNS: tl.constexpr):
    tile = tl.arange(0, ROWS)[:, None] * COLUMNS + tl.arange(0, COLUMNS)[None, :]
    x = tl.load(x_ptr + tile)
    tl.store(y_ptr + tile, x / tl.sum(x, axis=0)[None, :])


def launch_spills():
    x = torch.ones(32, 32)
    row_shares[(1,)](x, torch.empty_like(x), ROWS=32, COLUMNS=32, num_warps=1, maxnreg=24)
