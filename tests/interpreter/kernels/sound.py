"""Right kernels that a careless checker would take for wrong ones.

Each case launches a kernel and returns what it gave beside what torch gives.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
import triton
import triton.language as tl
from triton.language.extra import libdevice
from triton.tools.tensor_descriptor import TensorDescriptor

Result = tuple[torch.Tensor, torch.Tensor]

CASES: dict[str, tuple[Callable[[], Result], float]] = {}


def sound(tolerance: float = 0.0) -> Callable[[Callable[[], Result]], Callable[[], Result]]:
    """Register a case; the tolerance is relative to the largest value."""

    def register(case: Callable[[], Result]) -> Callable[[], Result]:
        CASES[case.__name__] = case, tolerance
        return case

    return register


def normal(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(23)).to(dtype)


# Masks and views ---------------------------------------------------------------------------------


@triton.jit
def add_kernel(x_ptr, y_ptr, o_ptr, n, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = i < n
    x, y = tl.load(x_ptr + i, mask=inside), tl.load(y_ptr + i, mask=inside)
    tl.store(o_ptr + i, x + y, mask=inside)


def add(x: torch.Tensor, y: torch.Tensor, o: torch.Tensor) -> torch.Tensor:
    add_kernel[(triton.cdiv(x.numel(), 64),)](x, y, o, x.numel(), BLOCK=64)
    return o


@sound()
def masked_tail() -> Result:
    x, y = normal(1003), normal(2006)[1003:]
    return add(x, y, torch.empty_like(x)), x + y


@sound()
def in_place() -> Result:
    x, y = normal(100), normal(200)[100:]
    expected = x + y
    return add(x, y, x), expected


@sound()
def the_same_tensor_three_times() -> Result:
    x = normal(100)
    expected = x * 2
    return add(x, x, x), expected


@sound()
def halves_of_one_storage() -> Result:
    storage = normal(200)
    expected = storage[:100] * 2
    return add(storage[:100], storage[:100], storage[100:]), expected


@sound()
def bfloat16() -> Result:
    x, y = normal(100, dtype=torch.bfloat16), normal(200, dtype=torch.bfloat16)[100:]
    return add(x, y, torch.empty_like(x)), x + y


@sound()
def nothing_to_do() -> Result:
    x = torch.empty(0)
    return add(x, x, x), torch.empty(0)


@triton.jit
def softmax_kernel(x_ptr, o_ptr, x_stride, o_stride, n, BLOCK: tl.constexpr):
    row, i = tl.program_id(0), tl.arange(0, BLOCK)
    x = tl.load(x_ptr + row * x_stride + i, mask=i < n, other=-float("inf"))
    e = tl.exp(x - tl.max(x, axis=0))
    tl.store(o_ptr + row * o_stride + i, e / tl.sum(e, axis=0), mask=i < n)


def softmax(x: torch.Tensor, o: torch.Tensor) -> torch.Tensor:
    softmax_kernel[(len(x),)](x, o, x.stride(0), o.stride(0), x.shape[1], BLOCK=128)
    return o


@sound(1e-6)
def rows_of_a_wider_tensor() -> Result:
    x = normal(9, 256)[1:, 20:120]
    return softmax(x, torch.empty(8, 160)[:, 30:130]), x.softmax(1)


@sound(1e-6)
def the_same_row_many_times() -> Result:
    x = normal(1, 100).expand(5, 100)
    return softmax(x, torch.empty(5, 100)), x.softmax(1)


@triton.jit
def transpose_kernel(x_ptr, o_ptr, sr, sc, m, n, M: tl.constexpr, N: tl.constexpr):
    r, c = tl.arange(0, M)[:, None], tl.arange(0, N)[None, :]
    inside = (r < m) & (c < n)
    tl.store(o_ptr + r * n + c, tl.load(x_ptr + r * sr + c * sc, mask=inside), mask=inside)


@sound()
def any_strides() -> Result:
    x = normal(20, 3, 30)[:, 1].t()[2:]
    o = torch.empty(28, 20)
    transpose_kernel[(1,)](x, o, x.stride(0), x.stride(1), 28, 20, 32, 32)
    return o, x


@sound()
def untouched_gigabytes_between_rows() -> Result:
    stride = 2**30
    x = torch.empty(2 * stride + 8).as_strided((3, 8), (stride, 1))
    x.copy_(normal(3, 8))
    o = torch.empty(3, 8)
    far_rows_kernel[(3,)](x, o, stride, 8)
    return o, x * 2


@triton.jit
def far_rows_kernel(x_ptr, o_ptr, stride, N: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    i = tl.arange(0, N)
    tl.store(o_ptr + row * N + i, tl.load(x_ptr + row * stride + i) * 2)


@triton.jit
def relu_kernel(x_ptr, o_ptr, n, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    inside = i < n
    x = tl.load(x_ptr + i, mask=inside)
    total = tl.sum(tl.where(inside and (x > 0), x, 0.0), 0)
    tl.store(o_ptr, total)


@sound(1e-6)
def garbage_lanes_sorted_out_later() -> Result:
    x, o = normal(50), torch.empty(1)
    relu_kernel[(1,)](x, o, 50, 64)
    return o, x.relu().sum().reshape(1)


# Programs that share -----------------------------------------------------------------------------


@triton.jit
def atomic_sum_kernel(x_ptr, o_ptr, n, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.atomic_add(o_ptr, tl.sum(tl.load(x_ptr + i, mask=i < n, other=0.0), 0))


@sound(1e-5)
def atomic_sum_into_zeroed_memory() -> Result:
    x, o = normal(1000), torch.empty(1)
    o.zero_()
    atomic_sum_kernel[(8,)](x, o, 1000, 128)
    return o, x.sum().reshape(1)


@triton.jit
def histogram_kernel(x_ptr, o_ptr, N: tl.constexpr):
    x = tl.load(x_ptr + tl.program_id(0) * N + tl.arange(0, N))
    tl.atomic_add(o_ptr + x, 1)


@sound()
def many_lanes_add_to_one_element() -> Result:
    x = torch.arange(256, dtype=torch.int32) % 7
    o = torch.zeros(7, dtype=torch.int32)
    histogram_kernel[(4,)](x, o, 64)
    return o, torch.bincount(x, minlength=7)


@triton.jit
def half_sum_kernel(x_ptr, o_ptr, N: tl.constexpr):
    i = tl.arange(0, N)
    tl.atomic_add(o_ptr + i % 4, tl.load(x_ptr + i), sem="relaxed")
    tl.atomic_max(o_ptr_max(o_ptr), 1)


@triton.jit
def o_ptr_max(pointer):
    return pointer.to(tl.pointer_type(tl.int32), bitcast=True) + 2


@sound()
def atomics_of_two_widths() -> Result:
    o = torch.zeros(6, dtype=torch.float16)
    half_sum_kernel[(2,)](torch.ones(32).half(), o, 32)
    expected = torch.full((6,), 16.0).half()
    expected[4:] = torch.tensor([1, 0], dtype=torch.int16).view(torch.float16)
    return o, expected


@triton.jit
def locked_kernel(x_ptr, lock_ptr, filled_ptr, o_ptr, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + tl.program_id(0) * BLOCK + i)
    while tl.atomic_cas(lock_ptr, 0, 1) == 1:
        pass
    filled = tl.load(filled_ptr)
    if filled == 0:
        tl.atomic_xchg(filled_ptr, 1)
    else:
        x += tl.load(o_ptr + i)
    tl.store(o_ptr + i, x)
    tl.debug_barrier()
    tl.atomic_xchg(lock_ptr, 0)


@sound(1e-6)
def sum_under_a_lock() -> Result:
    x = normal(6, 32)
    lock, filled = torch.zeros(2, dtype=torch.int32).split(1)
    o = torch.empty(32)
    locked_kernel[(6,)](x, lock, filled, o, 32)
    return o, x.sum(0)


@triton.jit
def last_block_kernel(x_ptr, part_ptr, count_ptr, o_ptr, PROGRAMS: tl.constexpr, N: tl.constexpr):
    p = tl.program_id(0)
    tl.store(part_ptr + p, tl.sum(tl.load(x_ptr + p * N + tl.arange(0, N)), 0))
    tl.debug_barrier()
    done = tl.atomic_add(count_ptr, 1, sem="acq_rel")
    if done == PROGRAMS - 1:
        tl.store(o_ptr, tl.sum(tl.load(part_ptr + tl.arange(0, PROGRAMS)), 0))
        tl.atomic_xchg(count_ptr, 0)


@sound(1e-5)
def the_last_program_sums_up() -> Result:
    x, count = normal(8, 64), torch.zeros(1, dtype=torch.int32)
    o = torch.empty(1)
    for _ in range(2):
        last_block_kernel[(8,)](x, torch.empty(8), count, o, 8, 64)
    return torch.cat([o, count]), torch.stack([x.sum(), torch.zeros(())])


@triton.jit
def queue_kernel(x_ptr, next_ptr, o_ptr, n, BLOCK: tl.constexpr):
    tile = tl.atomic_add(next_ptr, 1)
    while tile * BLOCK < n:
        i = tile * BLOCK + tl.arange(0, BLOCK)
        tl.store(o_ptr + i, tl.load(x_ptr + i, mask=i < n) * 2, mask=i < n)
        tile = tl.atomic_add(next_ptr, 1)


@sound()
def tiles_from_a_queue() -> Result:
    x, o = normal(300), torch.empty(300)
    queue_kernel[(3,)](x, torch.zeros(1, dtype=torch.int32), o, 300, 32)
    return o, x * 2


@triton.jit
def persistent_kernel(x_ptr, o_ptr, n, BLOCK: tl.constexpr):
    for tile in range(tl.program_id(0), tl.cdiv(n, BLOCK), tl.num_programs(0)):
        i = tile.to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
        tl.store(o_ptr + i, tl.load(x_ptr + i, mask=i < n) + 1, mask=i < n)


@sound()
def persistent_programs() -> Result:
    x, o = normal(1000), torch.empty(1000)
    programs = triton.runtime.driver.active.utils.get_device_properties(0)["multiprocessor_count"]
    persistent_kernel[(programs,)](x, o, 1000, 64)
    return o, x + 1


@triton.jit
def maximum_kernel(x_ptr, max_ptr, o_ptr, N: tl.constexpr, BLOCK: tl.constexpr):
    x = tl.load(x_ptr + tl.arange(0, N))
    largest = tl.max(x, 0)
    tl.store(max_ptr, largest)  # all programs store the same
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(o_ptr + i, tl.load(x_ptr + i) - largest)


@sound()
def all_programs_store_the_same_value() -> Result:
    x, largest, o = normal(64), torch.empty(1), torch.empty(64)
    maximum_kernel[(4,)](x, largest, o, 64, 16)
    return torch.cat([o, largest]), torch.cat([x - x.max(), x.max().reshape(1)])


@triton.jit
def two_stage_kernel(x_ptr, part_ptr, BLOCK: tl.constexpr, N: tl.constexpr):
    r = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(x_ptr + r[:, None] * N + tl.arange(0, N)[None, :])
    tl.store(part_ptr + tl.program_id(0) * N + tl.arange(0, N), tl.sum(x, 0))


@sound(1e-6)
def two_launches_in_a_row() -> Result:
    x, parts, o = normal(64, 16), torch.empty(4, 16), torch.empty(16)
    two_stage_kernel[(4,)](x, parts, 16, 16)
    two_stage_kernel[(1,)](parts, o, 4, 16)
    return o, x.sum(0)


# Memory that is written in part ------------------------------------------------------------------


@sound()
def only_the_written_part_is_read() -> Result:
    x, buffer = normal(70), torch.empty(100)
    add(x, x, buffer[10:80])
    return add(buffer[10:80], x, torch.empty(70)), x * 3


@sound()
def parts_written_by_torch() -> Result:
    buffer = torch.empty(10, 10)
    buffer[:, ::2] = 1.0
    torch.add(torch.ones(10, 5), 1.0, out=buffer[:, 1::2])
    buffer.view(-1)[:1].fill_(5.0)
    return add(buffer, buffer, torch.empty(10, 10)), buffer * 2


@triton.jit
def bytes_kernel(x_ptr, o_ptr, N: tl.constexpr):
    i = tl.arange(0, N)
    tl.store(o_ptr + i, tl.load(x_ptr + i))


@sound()
def written_as_bytes_read_as_words() -> Result:
    x, words = normal(16), torch.empty(16)
    bytes_kernel[(1,)](x.view(torch.uint8), words.view(torch.uint8), 64)
    return add(words, words, torch.empty(16)), x * 2


# Products, reductions, scans ---------------------------------------------------------------------


@triton.jit
def matmul_kernel(
    a_ptr, b_ptr, c_ptr, m, n, k, am, ak, bk, bn,
    M: tl.constexpr, N: tl.constexpr, K: tl.constexpr, GROUP: tl.constexpr,
):  # fmt: skip
    pid = tl.program_id(0)
    across, down = tl.cdiv(n, N), tl.cdiv(m, M)
    group = pid // (GROUP * across)
    height = min(down - group * GROUP, GROUP)
    row = group * GROUP + pid % (GROUP * across) % height
    column = pid % (GROUP * across) // height
    r, c = (row * M + tl.arange(0, M)) % m, (column * N + tl.arange(0, N)) % n
    d = tl.arange(0, K)
    a_at, b_at = a_ptr + r[:, None] * am + d * ak, b_ptr + d[:, None] * bk + c * bn
    total = tl.zeros((M, N), tl.float32)
    for step in range(0, tl.cdiv(k, K)):
        a = tl.load(a_at, mask=d[None, :] < k - step * K, other=0.0)
        b = tl.load(b_at, mask=d[:, None] < k - step * K, other=0.0)
        total = tl.dot(a, b, total)
        a_at += K * ak
        b_at += K * bk
    r, c = row * M + tl.arange(0, M), column * N + tl.arange(0, N)
    inside = (r[:, None] < m) & (c[None, :] < n)
    tl.store(c_ptr + r[:, None] * n + c, total.to(c_ptr.dtype.element_ty), mask=inside)


def matmul(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    (m, k), n = a.shape, b.shape[1]
    c = torch.empty(m, n, dtype=a.dtype)
    grid = (triton.cdiv(m, 32) * triton.cdiv(n, 32),)
    strides = (*a.stride(), *b.stride())
    matmul_kernel[grid](a, b, c, m, n, k, *strides, M=32, N=32, K=16, GROUP=2)
    return c


@sound(1e-3)
def grouped_product() -> Result:
    a, b = normal(70, 50).half(), normal(90, 50).half().t()
    return matmul(a, b), (a.float() @ b.float()).half()


@sound(1e-2)
def product_of_bfloat16() -> Result:
    a, b = normal(33, 17).bfloat16(), normal(17, 40).bfloat16()
    return matmul(a, b), (a.float() @ b.float()).bfloat16()


@triton.jit
def attention_kernel(q_ptr, k_ptr, v_ptr, o_ptr, n, scale, D: tl.constexpr, B: tl.constexpr):
    rows, d = tl.program_id(0) * B + tl.arange(0, B), tl.arange(0, D)
    base = tl.program_id(1) * n * D
    q = tl.load(q_ptr + base + rows[:, None] * D + d, mask=rows[:, None] < n, other=0.0)
    top = tl.full((B,), -float("inf"), tl.float32)
    total = tl.zeros((B,), tl.float32)
    out = tl.zeros((B, D), tl.float32)
    for start in range(0, n, B):
        c = start + tl.arange(0, B)
        k = tl.load(k_ptr + base + c[None, :] * D + d[:, None], mask=c[None, :] < n, other=0.0)
        v = tl.load(v_ptr + base + c[:, None] * D + d, mask=c[:, None] < n, other=0.0)
        s = tl.where(c[None, :] < n, tl.dot(q, k, input_precision="ieee") * scale, -float("inf"))
        new_top = tl.maximum(top, tl.max(s, 1))
        p, rescale = tl.exp(s - new_top[:, None]), tl.exp(top - new_top)
        total = total * rescale + tl.sum(p, 1)
        out = out * rescale[:, None] + tl.dot(p, v, input_precision="ieee")
        top = new_top
    tl.store(o_ptr + base + rows[:, None] * D + d, out / total[:, None], mask=rows[:, None] < n)


@sound(1e-5)
def attention() -> Result:
    q, k, v = normal(3, 2, 40, 16)
    o = torch.empty(2, 40, 16)
    attention_kernel[(3, 2)](q, k, v, o, 40, 0.25, 16, 16)
    return o, F.scaled_dot_product_attention(q, k, v)


@triton.jit
def cross_entropy_kernel(x_ptr, target_ptr, loss_ptr, dx_ptr, n, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    target = tl.load(target_ptr + row)
    if target == -100:
        for start in range(0, n, BLOCK):
            i = start + tl.arange(0, BLOCK)
            tl.store(dx_ptr + row * n + i, 0.0, mask=i < n)
        tl.store(loss_ptr + row, 0.0)
        return
    top, total = -float("inf"), 0.0
    for start in range(0, n, BLOCK):
        i = start + tl.arange(0, BLOCK)
        x = tl.load(x_ptr + row * n + i, mask=i < n, other=-float("inf"))
        new_top = tl.maximum(top, tl.max(x, 0))
        total = total * tl.exp(top - new_top) + tl.sum(tl.exp(x - new_top), 0)
        top = new_top
    lse = top + tl.log(total)
    tl.store(loss_ptr + row, lse - tl.load(x_ptr + row * n + target))
    for start in range(0, n, BLOCK):
        i = start + tl.arange(0, BLOCK)
        x = tl.load(x_ptr + row * n + i, mask=i < n, other=-float("inf"))
        dx = tl.exp(x - lse) - tl.where(i == target, 1.0, 0.0)
        tl.store(dx_ptr + row * n + i, dx, mask=i < n)


@sound(1e-6)
def cross_entropy_and_its_gradient() -> Result:
    x, target = normal(5, 77).requires_grad_(), torch.tensor([3, 76, -100, 0, 9])
    loss, dx = torch.empty(5), torch.empty(5, 77)
    cross_entropy_kernel[(5,)](x.detach(), target, loss, dx, 77, 32)
    expected = F.cross_entropy(x, target, reduction="none")
    expected.sum().backward()
    return torch.cat([loss, dx.view(-1)]), torch.cat([expected.detach(), x.grad.view(-1)])  # type: ignore[union-attr]


@triton.jit
def combine(a1, b1, a2, b2):
    return a1 * a2, b1 * a2 + b2


@triton.jit
def scan_kernel(a_ptr, b_ptr, o_ptr, N: tl.constexpr):
    i = tl.arange(0, N)
    _, h = tl.associative_scan((tl.load(a_ptr + i), tl.load(b_ptr + i)), 0, combine)
    tl.store(o_ptr + i, h)
    tl.store(o_ptr + N + i, tl.cumsum(h, 0, reverse=True))


@sound(1e-5)
def scans() -> Result:
    a, b, o = normal(64).sigmoid(), normal(128)[64:], torch.empty(2, 64)
    scan_kernel[(1,)](a, b, o, 64)
    state, h = 0.0, []
    for factor, term in zip(a.tolist(), b.tolist(), strict=True):
        state = state * factor + term
        h.append(state)
    expected = torch.tensor(h)
    return o, torch.stack([expected, expected.flip(0).cumsum(0).flip(0)])


@triton.jit
def order_kernel(x_ptr, index_ptr, o_ptr, N: tl.constexpr):
    i = tl.arange(0, N)
    x = tl.load(x_ptr + i)
    tl.store(o_ptr + i, tl.sort(x))
    tl.store(o_ptr + N + i, tl.sort(x, descending=True))
    tl.store(o_ptr + 2 * N + i, tl.gather(x, tl.load(index_ptr + i), 0))
    tl.store(o_ptr + 3 * N, tl.argmax(x, 0).to(tl.float32))
    tl.store(o_ptr + 3 * N + 1, tl.min(x, 0))


@sound()
def sort_gather_argmax() -> Result:
    x, index = normal(32), torch.randperm(32, dtype=torch.int32)
    o = torch.empty(3 * 32 + 2)
    order_kernel[(1,)](x, index, o, 32)
    ordered = x.sort().values
    last = torch.stack([x.argmax().float(), x.min()])
    return o, torch.cat([ordered, ordered.flip(0), x[index.long()], last])


@triton.jit
def shapes_kernel(x_ptr, o_ptr, M: tl.constexpr, N: tl.constexpr):
    r, c = tl.arange(0, M)[:, None], tl.arange(0, N)[None, :]
    x = tl.trans(tl.load(x_ptr + r * N + c))
    left, right = tl.split(tl.reshape(x, (N, M // 2, 2)))
    joined = tl.reshape(tl.join(right, left), (N, M))
    tl.store(o_ptr + tl.arange(0, N)[:, None] * M + tl.arange(0, M)[None, :], joined)


@sound()
def shapes() -> Result:
    x, o = normal(16, 8), torch.empty(8, 16)
    shapes_kernel[(1,)](x, o, 16, 8)
    return o, x.t().reshape(8, 8, 2).flip(2).reshape(8, 16)


@triton.jit
def layer_norm_kernel(x_ptr, w_ptr, b_ptr, o_ptr, n, eps, BLOCK: tl.constexpr):
    row, i = tl.program_id(0), tl.arange(0, BLOCK)
    inside = i < n
    x = tl.load(x_ptr + row * n + i, mask=inside, other=0.0).to(tl.float32)
    mean = tl.sum(x, 0) / n
    centred = tl.where(inside, x - mean, 0.0)
    rstd = tl.rsqrt(tl.sum(centred * centred, 0) / n + eps)
    w, b = tl.load(w_ptr + i, mask=inside), tl.load(b_ptr + i, mask=inside)
    tl.store(o_ptr + row * n + i, centred * rstd * w + b, mask=inside)


@sound(2e-6)
def layer_norm() -> Result:
    x, (w, b), o = normal(6, 100), normal(2, 100), torch.empty(6, 100)
    layer_norm_kernel[(6,)](x, w, b, o, 100, 1e-5, 128)
    return o, F.layer_norm(x, (100,), w, b, 1e-5)


# Types -------------------------------------------------------------------------------------------


@triton.jit
def through_fp8_kernel(x_ptr, q_ptr, o_ptr, N: tl.constexpr):
    i = tl.arange(0, N)
    tl.store(q_ptr + i, tl.load(x_ptr + i).to(tl.float8e4nv))
    tl.store(o_ptr + i, tl.load(q_ptr + i).to(tl.float32))


@sound()
def fp8() -> Result:
    x, o = normal(256) * 20, torch.empty(256)
    through_fp8_kernel[(1,)](x, torch.empty(256, dtype=torch.float8_e4m3fn), o, 256)
    return o, x.to(torch.float8_e4m3fn).float()


@triton.jit
def quantise_kernel(x_ptr, q_ptr, scale_ptr, n, BLOCK: tl.constexpr):
    row, i = tl.program_id(0), tl.arange(0, BLOCK)
    x = tl.load(x_ptr + row * n + i, mask=i < n, other=0.0)
    largest = tl.max(tl.abs(x), 0)
    scale = tl.where(largest > 0, tl.div_rn(largest, 127.0), 1.0)
    rounded = (tl.div_rn(x, scale) + 12582912.0) - 12582912.0
    q = tl.clamp(rounded, -127.0, 127.0).to(tl.int8)
    tl.store(q_ptr + row * n + i, q, mask=i < n)
    tl.store(scale_ptr + row, scale)


@sound()
def int8() -> Result:
    x, q, scale = normal(4, 50), torch.empty(4, 50, dtype=torch.int8), torch.empty(4)
    quantise_kernel[(4,)](x, q, scale, 50, 64)
    expected = (x / (x.abs().amax(1, keepdim=True) / 127)).round().clamp(-127, 127)
    return q, expected.to(torch.int8)


@triton.jit
def library_kernel(x_ptr, o_ptr, n, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(x_ptr + i, mask=i < n)
    tl.store(o_ptr + i, 0.5 * x * (1 + libdevice.tanh(0.7978845608 * x)), mask=i < n)


@sound(1e-6)
def libdevice_tanh() -> Result:
    x, o = normal(100), torch.empty(100)
    library_kernel[(2,)](x, o, 100, 64)
    return o, 0.5 * x * (1 + (0.7978845608 * x).tanh())


@triton.jit
def dropout_kernel(x_ptr, o_ptr, n, p, seed, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    keep = tl.rand(seed, i) >= p
    x = tl.load(x_ptr + i, mask=i < n)
    tl.store(o_ptr + i, tl.where(keep, x / (1 - p), 0.0), mask=i < n)


@sound()
def dropout_of_two_block_sizes() -> Result:
    x = torch.ones(500)
    small, large = torch.empty(500), torch.empty(500)
    dropout_kernel[(8,)](x, small, 500, 0.5, 123, 64)
    dropout_kernel[(1,)](x, large, 500, 0.5, 123, 512)
    return small, large


# Functions, descriptors, tuning ------------------------------------------------------------------


@triton.jit
def square(x):
    return x * x


@triton.jit
def twice(x, FUNCTION: tl.constexpr):
    return FUNCTION(FUNCTION(x))


@triton.jit
def nested_kernel(x_ptr, bias_ptr, o_ptr, N: tl.constexpr, FUNCTION: tl.constexpr):
    i = tl.arange(0, N)
    x = twice(tl.load(x_ptr + i), FUNCTION)
    if bias_ptr is not None:
        x += tl.load(bias_ptr + i)
    tl.store(o_ptr + i, x)


@sound(1e-6)
def functions_and_missing_arguments() -> Result:
    x, o = normal(32), torch.empty(32)
    nested_kernel[(1,)](x, None, o, 32, square)
    return o, x**4


@triton.jit
def tuple_kernel(tensors, o_ptr, N: tl.constexpr):
    i = tl.arange(0, N)
    tl.store(o_ptr + i, tl.load(tensors[0] + i) + tl.load(tensors[1] + i))


@sound()
def a_tuple_of_tensors() -> Result:
    (x, y), o = normal(2, 32), torch.empty(32)
    tuple_kernel[(1,)]((x, y), o, 32)
    return o, x + y


@triton.jit
def device_descriptor_kernel(x_ptr, o_ptr, m, n, M: tl.constexpr, N: tl.constexpr):
    x = tl.make_tensor_descriptor(x_ptr, [m, n], [n, 1], [M, N])
    o = tl.make_tensor_descriptor(o_ptr, [m, n], [n, 1], [M, N])
    r, c = tl.program_id(0) * M, tl.program_id(1) * N
    o.store([r, c], x.load([r, c]) * 2)


@sound()
def device_descriptors_over_the_edge() -> Result:
    x, o = normal(20, 24), torch.empty(20, 24)
    device_descriptor_kernel[(2, 2)](x, o, 20, 24, 16, 16)
    return o, x * 2


@triton.jit
def host_descriptor_kernel(x_desc, o_desc, M: tl.constexpr, N: tl.constexpr):
    r, c = tl.program_id(0) * M, tl.program_id(1) * N
    o_desc.store([r, c], x_desc.load([r, c]) * 2)


@sound()
def host_descriptors_over_the_edge() -> Result:
    x, o = normal(20, 40)[:, :24], torch.empty(20, 24)
    given, taken = (TensorDescriptor.from_tensor(t, [16, 16]) for t in (x, o))
    host_descriptor_kernel[(2, 2)](given, taken, 16, 16)
    return o, x * 2


@triton.autotune(
    configs=[triton.Config({"BLOCK": 32}), triton.Config({"BLOCK": 64}, num_warps=8)],
    key=["n"],
    reset_to_zero=["o_ptr"],
)
@triton.heuristics({"EVEN": lambda args: args["n"] % args["BLOCK"] == 0})
@triton.jit
def tuned_kernel(x_ptr, o_ptr, n, BLOCK: tl.constexpr, EVEN: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(x_ptr + i) if EVEN else tl.load(x_ptr + i, mask=i < n, other=0.0)
    tl.atomic_add(o_ptr, tl.sum(x, 0))


@sound(1e-5)
def autotuned_with_heuristics() -> Result:
    x, o = normal(100), torch.zeros(1)
    tuned_kernel[lambda meta: (triton.cdiv(100, meta["BLOCK"]),)](x, o, 100)
    return o, x.sum().reshape(1)


@triton.jit
def cube_kernel(o_ptr, X: tl.constexpr, Y: tl.constexpr):
    x, y, z = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    i, j = tl.swizzle2d(x, y, X, Y, 2)
    tl.store(o_ptr + (z * X + i) * Y + j, (z * 100 + i * 10 + j).to(tl.float32))


@sound()
def three_dimensional_grid() -> Result:
    o = torch.empty(2, 3, 5)
    cube_kernel[(3, 5, 2)](o, 3, 5)
    z, x, y = torch.meshgrid(torch.arange(2), torch.arange(3), torch.arange(5), indexing="ij")
    return o, (z * 100 + x * 10 + y).float()
