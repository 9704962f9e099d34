"""Small kernels with one planted defect each, on the line marked with DEFECT.

A race has two sides: where the other one is found too, its line is marked with ALSO.

A case is a function that launches its kernel; its decorator says what must be found. All
results are thrown away: a defect counts as found only by kind, tensor and line.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import triton
import triton.language as tl
from triton.tools.tensor_descriptor import TensorDescriptor

from grader.worker.interpreter import Kind, mark_uninitialised


@dataclass(frozen=True)
class Case:
    """A defect, and what must be said about it."""

    name: str
    launch: Callable[[], None]
    kernel: Any
    kind: Kind
    tensor: str | None
    access: str

    @property
    def line(self) -> int:
        """The marked line of the kernel."""
        (line,) = self._lines("# DEFECT")
        return line

    @property
    def related_lines(self) -> set[int]:
        """Lines of the same defect that may be named as well: the other side of a race."""
        return {self.line, *self._lines("# ALSO")}

    def _lines(self, mark: str) -> list[int]:
        lines, first = inspect.getsourcelines(self.kernel.fn)
        return [first + n for n, line in enumerate(lines) if mark in line]


CASES: list[Case] = []


def defect(
    kernel: Any, kind: Kind, tensor: str | None, access: str
) -> Callable[[Callable[[], None]], Callable[[], None]]:
    def register(launch: Callable[[], None]) -> Callable[[], None]:
        CASES.append(Case(launch.__name__, launch, kernel, kind, tensor, access))
        return launch

    return register


# Out of bounds -----------------------------------------------------------------------------------


@triton.jit
def load_without_mask(x_ptr, o_ptr, n, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(x_ptr + i)  # DEFECT
    tl.store(o_ptr + i, x, mask=i < n)


@defect(load_without_mask, Kind.OUT_OF_BOUNDS, "x_ptr", "load")
def no_load_mask() -> None:
    load_without_mask[(4,)](torch.ones(200), torch.empty(200), 200, 64)


@triton.jit
def store_without_mask(x_ptr, o_ptr, n, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(x_ptr + i, mask=i < n)
    tl.store(o_ptr + i, x)  # DEFECT


@defect(store_without_mask, Kind.OUT_OF_BOUNDS, "o_ptr", "store")
def no_store_mask() -> None:
    store_without_mask[(4,)](torch.ones(200), torch.empty(200), 200, 64)


@triton.jit
def off_by_one_mask(x_ptr, o_ptr, n, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + i, mask=i <= n, other=0.0)  # DEFECT
    tl.store(o_ptr + i, x, mask=i < n)


@defect(off_by_one_mask, Kind.OUT_OF_BOUNDS, "x_ptr", "load")
def mask_off_by_one() -> None:
    off_by_one_mask[(1,)](torch.ones(50), torch.empty(50), 50, 64)


@triton.jit
def left_neighbour(x_ptr, o_ptr, n, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    left = tl.load(x_ptr + i - 1, mask=i < n, other=0.0)  # DEFECT
    tl.store(o_ptr + i, left, mask=i < n)


@defect(left_neighbour, Kind.OUT_OF_BOUNDS, "x_ptr", "load")
def before_the_first_element() -> None:
    left_neighbour[(1,)](torch.ones(50), torch.empty(50), 50, 64)


@defect(left_neighbour, Kind.OUT_OF_BOUNDS, "x_ptr", "load")
def before_a_view_in_the_middle_of_a_storage() -> None:
    left_neighbour[(1,)](torch.ones(100)[30:80], torch.empty(50), 50, 64)


@triton.jit
def rows(x_ptr, o_ptr, x_stride, n, BLOCK: tl.constexpr):
    row, i = tl.program_id(0), tl.arange(0, BLOCK)
    x = tl.load(x_ptr + row * x_stride + i, mask=i < n, other=0.0)  # DEFECT
    tl.store(o_ptr + row * n + i, x, mask=i < n)


@defect(rows, Kind.OUT_OF_BOUNDS, "x_ptr", "load")
def wrong_stride_reads_the_gap_between_rows() -> None:
    rows[(4,)](torch.ones(4, 128)[:, :100], torch.empty(4, 100), 100, 100, 128)


@triton.jit
def full_rows(x_ptr, o_ptr, x_stride, n, BLOCK: tl.constexpr):
    row, i = tl.program_id(0), tl.arange(0, BLOCK)
    x = tl.load(x_ptr + row * x_stride + i)  # DEFECT
    tl.store(o_ptr + row * n + i, x, mask=i < n)


@defect(full_rows, Kind.OUT_OF_BOUNDS, "x_ptr", "load")
def block_wider_than_the_rows_of_a_view() -> None:
    full_rows[(4,)](torch.ones(5, 256)[1:, 20:120], torch.empty(4, 100), 256, 100, 128)


@triton.jit
def store_rows(x_ptr, o_ptr, o_stride, n, BLOCK: tl.constexpr):
    row, i = tl.program_id(0), tl.arange(0, BLOCK)
    x = tl.load(x_ptr + row * n + i, mask=i < n)
    tl.store(o_ptr + row * o_stride + i, x)  # DEFECT


@defect(store_rows, Kind.OUT_OF_BOUNDS, "o_ptr", "store")
def store_into_the_gap_between_rows() -> None:
    store_rows[(4,)](torch.ones(4, 100), torch.empty(4, 128)[:, :100], 128, 100, 128)


@triton.jit
def tile(x_ptr, o_ptr, m, n, M: tl.constexpr, N: tl.constexpr):
    r, c = tl.arange(0, M)[:, None], tl.arange(0, N)[None, :]
    x = tl.load(x_ptr + r * n + c, mask=c < n)  # DEFECT
    tl.store(o_ptr + r * n + c, x, mask=(r < m) & (c < n))


@defect(tile, Kind.OUT_OF_BOUNDS, "x_ptr", "load")
def no_row_mask() -> None:
    tile[(1,)](torch.ones(13, 30), torch.empty(13, 30), 13, 30, 16, 32)


@triton.jit
def swapped(x_ptr, o_ptr, m, n, M: tl.constexpr, N: tl.constexpr):
    r, c = tl.arange(0, M)[:, None], tl.arange(0, N)[None, :]
    inside = (r < m) & (c < n)
    x = tl.load(x_ptr + c * m + r * 2, mask=inside)  # DEFECT
    tl.store(o_ptr + r * n + c, x, mask=inside)


@defect(swapped, Kind.OUT_OF_BOUNDS, "x_ptr", "load")
def rows_and_columns_swapped() -> None:
    swapped[(1,)](torch.ones(13, 7), torch.empty(13, 7), 13, 7, 16, 8)


@triton.jit
def far_row(x_ptr, o_ptr, stride, N: tl.constexpr):
    row, i = tl.program_id(0), tl.arange(0, N)
    x = tl.load(x_ptr + row * stride + i)  # DEFECT
    tl.store(o_ptr + row * N + i, x)


@defect(far_row, Kind.OUT_OF_BOUNDS, "x_ptr", "load")
def int32_overflow() -> None:
    stride = 2**30
    x = torch.empty(2 * stride + 16).as_strided((3, 16), (stride, 1))
    far_row[(3,)](x, torch.empty(3, 16), stride, 16)


@triton.jit
def gather(index_ptr, x_ptr, o_ptr, N: tl.constexpr):
    i = tl.arange(0, N)
    index = tl.load(index_ptr + i)
    x = tl.load(x_ptr + index)  # DEFECT
    tl.store(o_ptr + i, x)


@defect(gather, Kind.OUT_OF_BOUNDS, "x_ptr", "load")
def index_minus_100() -> None:
    index = torch.tensor([0, 5, -100, 3])
    gather[(1,)](index, torch.ones(6), torch.empty(4), 4)


@triton.jit
def scatter_add(index_ptr, o_ptr, N: tl.constexpr):
    index = tl.load(index_ptr + tl.arange(0, N))
    tl.atomic_add(o_ptr + index, 1.0)  # DEFECT


@defect(scatter_add, Kind.OUT_OF_BOUNDS, "o_ptr", "atomic")
def atomic_out_of_bounds() -> None:
    scatter_add[(1,)](torch.tensor([0, 5, 2, 6]), torch.zeros(6), 4)


@triton.jit
def lock_past_the_end(lock_ptr, n):
    tl.atomic_cas(lock_ptr + n, 0, 1)  # DEFECT


@defect(lock_past_the_end, Kind.OUT_OF_BOUNDS, "lock_ptr", "atomic")
def cas_out_of_bounds() -> None:
    lock_past_the_end[(1,)](torch.zeros(3, dtype=torch.int32), 3)


@triton.jit
def described(x_ptr, o_ptr, m, n, BLOCK: tl.constexpr):
    x = tl.make_tensor_descriptor(x_ptr, [m + 1, n], [n, 1], [BLOCK, BLOCK])
    block = x.load([tl.program_id(0) * BLOCK, 0])  # DEFECT
    o = tl.make_tensor_descriptor(o_ptr, [m, n], [n, 1], [BLOCK, BLOCK])
    o.store([tl.program_id(0) * BLOCK, 0], block)


@defect(described, Kind.OUT_OF_BOUNDS, "x_ptr", "load")
def descriptor_of_too_many_rows() -> None:
    described[(2,)](torch.ones(20, 16), torch.empty(20, 16), 20, 16, 16)


@triton.jit
def first_element(x_ptr, o_ptr):
    tl.store(o_ptr, tl.load(x_ptr))  # DEFECT


@defect(first_element, Kind.OUT_OF_BOUNDS, "x_ptr", "load")
def empty_tensor() -> None:
    first_element[(1,)](torch.empty(0), torch.empty(1))


@triton.jit
def write_all(pointer, values):
    tl.store(pointer, values)  # DEFECT


@triton.jit
def calls_write_all(o_ptr, N: tl.constexpr):
    i = tl.arange(0, N)
    write_all(o_ptr + i, i.to(tl.float32))


@defect(write_all, Kind.OUT_OF_BOUNDS, "o_ptr", "store")
def inside_a_function_that_the_kernel_calls() -> None:
    calls_write_all[(1,)](torch.empty(10), 16)


@triton.jit
def product(a_ptr, b_ptr, c_ptr, k, K: tl.constexpr, N: tl.constexpr):
    i = tl.arange(0, N)
    total = tl.zeros((N, N), tl.float32)
    for start in range(0, k, K):
        depth = start + tl.arange(0, K)
        inside = depth < k
        a = tl.load(a_ptr + i[:, None] * k + depth[None, :], mask=inside[None, :], other=0.0)
        b = tl.load(b_ptr + depth[:, None] * N + i[None, :])  # DEFECT
        total += tl.dot(a, b)
    tl.store(c_ptr + i[:, None] * N + i[None, :], total)


@defect(product, Kind.OUT_OF_BOUNDS, "b_ptr", "load")
def no_mask_along_k() -> None:
    product[(1,)](torch.ones(16, 40), torch.ones(40, 16), torch.empty(16, 16), 40, 32, 16)


# Wild and misaligned pointers --------------------------------------------------------------------


@triton.jit
def pointer_from_number(address, o_ptr):
    pointer = address.to(tl.pointer_type(tl.float32))
    tl.store(o_ptr, tl.load(pointer))  # DEFECT


@defect(pointer_from_number, Kind.WILD_POINTER, None, "load")
def pointer_made_of_an_integer() -> None:
    pointer_from_number[(1,)](2**33, torch.empty(1))


@triton.jit
def far_away(x_ptr, distance, o_ptr):
    tl.store(x_ptr + distance, 1.0)  # DEFECT
    tl.store(o_ptr, 1.0)


@defect(far_away, Kind.WILD_POINTER, None, "store")
def terabytes_past_the_end() -> None:
    far_away[(1,)](torch.ones(1), 2**50, torch.empty(1))


@triton.jit
def words_of_bytes(x_ptr, o_ptr):
    pointer = (x_ptr + 1).to(tl.pointer_type(tl.int32))
    tl.store(o_ptr, tl.load(pointer))  # DEFECT


@defect(words_of_bytes, Kind.MISALIGNED, "x_ptr", "load")
def word_at_an_odd_address() -> None:
    words_of_bytes[(1,)](torch.zeros(16, dtype=torch.int8), torch.empty(1, dtype=torch.int32))


# Races -------------------------------------------------------------------------------------------


@triton.jit
def store_sum(x_ptr, o_ptr, n, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(o_ptr, tl.sum(tl.load(x_ptr + i, mask=i < n, other=0.0), 0))  # DEFECT


@defect(store_sum, Kind.WRITE_WRITE_RACE, "o_ptr", "store")
def store_where_an_atomic_is_needed() -> None:
    store_sum[(4,)](torch.arange(100.0), torch.zeros(1), 100, 32)


@triton.jit
def shift_left(x_ptr, n, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    right = tl.load(x_ptr + i + 1, mask=i + 1 < n, other=0.0)
    tl.store(x_ptr + i, right, mask=i < n)  # DEFECT


@defect(shift_left, Kind.WRITE_AFTER_READ_RACE, "x_ptr", "store")
def shift_in_place() -> None:
    shift_left[(4,)](torch.arange(100.0), 100, 32)


@triton.jit
def running_sum(x_ptr, o_ptr):
    p = tl.program_id(0)
    before = tl.load(o_ptr + p - 1, mask=p > 0, other=0.0)  # DEFECT
    tl.store(o_ptr + p, before + tl.load(x_ptr + p))


@defect(running_sum, Kind.READ_AFTER_WRITE_RACE, "o_ptr", "load")
def result_of_the_program_before() -> None:
    running_sum[(8,)](torch.ones(8), torch.zeros(8))


@triton.jit
def overlapping(x_ptr, o_ptr, n, STEP: tl.constexpr, BLOCK: tl.constexpr):
    i = tl.program_id(0) * STEP + tl.arange(0, BLOCK)
    x = tl.load(x_ptr + i, mask=i < n)
    tl.store(o_ptr + i, x + tl.program_id(0), mask=i < n)  # DEFECT


@defect(overlapping, Kind.WRITE_WRITE_RACE, "o_ptr", "store")
def blocks_overlap() -> None:
    overlapping[(4,)](torch.ones(128), torch.empty(128), 128, 31, 32)


@triton.jit
def first_program_clears(x_ptr, o_ptr, BLOCK: tl.constexpr):
    p = tl.program_id(0)
    if p == 0:
        tl.store(o_ptr, 0.0)
    total = tl.sum(tl.load(x_ptr + p * BLOCK + tl.arange(0, BLOCK)), 0)
    tl.atomic_add(o_ptr, total)  # DEFECT


@defect(first_program_clears, Kind.WRITE_WRITE_RACE, "o_ptr", "atomic")
def cleared_by_one_program() -> None:
    first_program_clears[(4,)](torch.ones(128), torch.ones(1), 32)


@triton.jit
def normalise_by_sum(x_ptr, sum_ptr, o_ptr, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(x_ptr + i)
    tl.atomic_add(sum_ptr, tl.sum(x, 0))  # ALSO: changes what an earlier program has read
    tl.store(o_ptr + i, x / tl.load(sum_ptr))  # DEFECT


@defect(normalise_by_sum, Kind.READ_AFTER_WRITE_RACE, "sum_ptr", "load")
def sum_used_before_it_is_complete() -> None:
    normalise_by_sum[(4,)](torch.ones(128), torch.zeros(1), torch.empty(128), 32)


@triton.jit
def spill_into_next_row(x_ptr, o_ptr, n, rows, BLOCK: tl.constexpr):
    row, i = tl.program_id(0), tl.arange(0, BLOCK)
    flat = row * n + i
    x = tl.load(x_ptr + flat, mask=i < n, other=-1.0)
    tl.store(o_ptr + flat, x, mask=flat < rows * n)  # DEFECT


@defect(spill_into_next_row, Kind.WRITE_WRITE_RACE, "o_ptr", "store")
def mask_against_the_whole_tensor() -> None:
    spill_into_next_row[(5,)](torch.ones(5, 25), torch.empty(5, 25), 25, 5, 32)


@triton.jit
def transpose_in_place(x_ptr, N: tl.constexpr):
    row, i = tl.program_id(0), tl.arange(0, N)
    column = tl.load(x_ptr + i * N + row)  # DEFECT
    tl.store(x_ptr + row * N + i, column)


@defect(transpose_in_place, Kind.READ_AFTER_WRITE_RACE, "x_ptr", "load")
def transposed_in_place() -> None:
    transpose_in_place[(4,)](torch.arange(16.0).reshape(4, 4), 4)


@triton.jit
def count_unlocked(count_ptr):
    count = tl.load(count_ptr)  # DEFECT
    tl.store(count_ptr, count + 1)  # ALSO


@defect(count_unlocked, Kind.READ_AFTER_WRITE_RACE, "count_ptr", "load")
def counter_without_an_atomic() -> None:
    count_unlocked[(4,)](torch.zeros(1, dtype=torch.int32))


@triton.jit
def copy_block(x_ptr, o_ptr, n, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(o_ptr + i, tl.load(x_ptr + i, mask=i < n) + 1.0, mask=i < n)  # DEFECT


@defect(copy_block, Kind.READ_AFTER_WRITE_RACE, "x_ptr", "load")
def two_views_of_one_storage_overlap() -> None:
    storage = torch.zeros(101)
    copy_block[(4,)](storage[:100], storage[1:], 100, 25 + 7)


@triton.jit
def last_one_sums(x_ptr, part_ptr, count_ptr, o_ptr, PROGRAMS: tl.constexpr, SEM: tl.constexpr):
    p = tl.program_id(0)
    tl.store(part_ptr + p, tl.load(x_ptr + p) * 2)
    done = tl.atomic_add(count_ptr, 1, sem=SEM)
    if done == PROGRAMS - 1:
        parts = tl.load(part_ptr + tl.arange(0, PROGRAMS))  # DEFECT
        tl.store(o_ptr, tl.sum(parts, 0))


@defect(last_one_sums, Kind.READ_AFTER_WRITE_RACE, "part_ptr", "load")
def relaxed_atomics_order_nothing() -> None:
    count = torch.zeros(1, dtype=torch.int32)
    last_one_sums[(4,)](torch.ones(4), torch.zeros(4), count, torch.empty(1), 4, "relaxed")


@triton.jit
def everyone_sums(x_ptr, part_ptr, count_ptr, o_ptr, PROGRAMS: tl.constexpr):
    p = tl.program_id(0)
    tl.store(part_ptr + p, tl.load(x_ptr + p) * 2)  # ALSO: an earlier program has read it
    tl.atomic_add(count_ptr, 1)
    parts = tl.load(part_ptr + tl.arange(0, PROGRAMS))  # DEFECT
    tl.store(o_ptr + p, tl.sum(parts, 0))


@defect(everyone_sums, Kind.READ_AFTER_WRITE_RACE, "part_ptr", "load")
def counter_that_nobody_looks_at() -> None:
    count = torch.zeros(1, dtype=torch.int32)
    everyone_sums[(4,)](torch.ones(4), torch.zeros(4), count, torch.empty(4), 4)


# Two lanes, one address --------------------------------------------------------------------------


@triton.jit
def all_to_one(o_ptr, N: tl.constexpr):
    i = tl.arange(0, N)
    tl.store(o_ptr + i * 0, i.to(tl.float32))  # DEFECT


@defect(all_to_one, Kind.LANE_CONFLICT, "o_ptr", "store")
def all_lanes_to_one_address() -> None:
    all_to_one[(1,)](torch.empty(1), 16)


@triton.jit
def pairs(x_ptr, o_ptr, N: tl.constexpr):
    i = tl.arange(0, N)
    tl.store(o_ptr + i // 2, tl.load(x_ptr + i))  # DEFECT


@defect(pairs, Kind.LANE_CONFLICT, "o_ptr", "store")
def two_lanes_to_each_address() -> None:
    pairs[(1,)](torch.arange(16.0), torch.empty(8), 16)


@triton.jit
def row_sums_not_reduced(x_ptr, o_ptr, N: tl.constexpr):
    r, c = tl.arange(0, N)[:, None], tl.arange(0, N)[None, :]
    x = tl.load(x_ptr + r * N + c)
    tl.store(o_ptr + r + c * 0, x)  # DEFECT


@defect(row_sums_not_reduced, Kind.LANE_CONFLICT, "o_ptr", "store")
def a_tile_to_a_column() -> None:
    row_sums_not_reduced[(1,)](torch.arange(64.0), torch.empty(8), 8)


# Memory that nobody wrote ------------------------------------------------------------------------


@triton.jit
def accumulate(x_ptr, o_ptr, n, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    old = tl.load(o_ptr + i, mask=i < n)  # DEFECT
    tl.store(o_ptr + i, old + tl.load(x_ptr + i, mask=i < n), mask=i < n)


@defect(accumulate, Kind.UNINITIALISED, "o_ptr", "load")
def accumulate_into_empty() -> None:
    accumulate[(2,)](torch.ones(50), torch.empty(50), 50, 32)


@triton.jit
def atomic_sum(x_ptr, o_ptr, BLOCK: tl.constexpr):
    x = tl.load(x_ptr + tl.program_id(0) * BLOCK + tl.arange(0, BLOCK))
    tl.atomic_add(o_ptr, tl.sum(x, 0))  # DEFECT


@defect(atomic_sum, Kind.UNINITIALISED, "o_ptr", "atomic")
def atomics_into_empty() -> None:
    atomic_sum[(4,)](torch.ones(128), torch.empty(1), 32)


@triton.jit
def double(x_ptr, o_ptr, n, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + i, mask=i < n)  # DEFECT
    tl.store(o_ptr + i, x * 2, mask=i < n)


@defect(double, Kind.UNINITIALISED, "x_ptr", "load")
def tail_that_the_launch_before_left_out() -> None:
    middle = torch.empty(60)
    double[(1,)](torch.ones(60), middle, 50, 64)
    double[(1,)](middle, torch.empty(60), 60, 64)


@defect(double, Kind.UNINITIALISED, "x_ptr", "load")
def part_that_torch_left_out() -> None:
    x = torch.empty(8, 8)
    x[:, :4] = 1.0
    double[(1,)](x, torch.empty(8, 8), 64, 64)


@defect(double, Kind.UNINITIALISED, "x_ptr", "load")
def memory_marked_by_hand() -> None:
    x = torch.ones(64)
    mark_uninitialised(x[32:])
    double[(1,)](x, torch.empty(64), 64, 64)


@triton.jit
def described_by_host(x_desc, o_ptr, BLOCK: tl.constexpr):
    x = x_desc.load([0, 0])  # DEFECT
    i = tl.arange(0, BLOCK)
    tl.store(o_ptr + i[:, None] * BLOCK + i[None, :], x)


@defect(described_by_host, Kind.UNINITIALISED, "x_desc", "load")
def empty_behind_a_descriptor() -> None:
    x = TensorDescriptor.from_tensor(torch.empty(16, 16), [16, 16])
    described_by_host[(1,)](x, torch.empty(16, 16), 16)
