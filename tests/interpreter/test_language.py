"""Python constructs inside kernels mean what they mean to Triton's compiler."""

from __future__ import annotations

import pytest
import torch
import triton
import triton.language as tl
from triton.language import load as imported_load
from triton.runtime.errors import InterpreterError

from grader.worker.interpreter.rewrite import RUNTIME_NAME

SCALE = tl.constexpr(3)


@triton.jit
def constants_kernel(o_ptr, N: tl.constexpr):
    half: tl.constexpr = N // 2
    i = tl.arange(0, half)
    value: tl.float32 = 2
    a, b = 1, 0.5
    tl.store(o_ptr + i, value * SCALE + a + b)


def test_annotated_constants_stay_constants() -> None:
    o = torch.zeros(8)
    constants_kernel[(1,)](o, 16)
    assert o.tolist() == [7.5] * 8


@triton.jit
def block_size_from_variable_kernel(o_ptr, N: tl.constexpr):
    half = N // 2
    tl.store(o_ptr + tl.arange(0, half), 1.0)


def test_a_plain_variable_is_no_constant() -> None:
    with pytest.raises(InterpreterError, match="constexpr"):
        block_size_from_variable_kernel[(1,)](torch.zeros(8), 16)


@triton.jit
def both_assigned_kernel(o_ptr):
    a = b = 1.0
    tl.store(o_ptr, a + b)


def test_two_targets_of_one_assignment_are_refused() -> None:
    with pytest.raises(SyntaxError, match="two lines") as caught:
        both_assigned_kernel[(1,)](torch.zeros(1))
    assert caught.value.filename == __file__
    assert caught.value.lineno == both_assigned_kernel.starting_line_number + 2


@triton.jit
def chain_kernel(o_ptr, low, high, N: tl.constexpr):
    i = tl.arange(0, N)
    tl.store(o_ptr + i, (low <= i < high).to(tl.int32))


def test_chained_comparisons_hold_lane_by_lane() -> None:
    o = torch.zeros(8, dtype=torch.int32)
    chain_kernel[(1,)](o, 2, 5, 8)
    assert o.tolist() == [0, 0, 1, 1, 1, 0, 0, 0]


@triton.jit
def scalar_branch_kernel(x_ptr, o_ptr, n):
    p = tl.program_id(0)
    is_second = p == 1
    if p < n and not is_second:
        tl.store(o_ptr + p, imported_load(x_ptr + p) if p % 2 == 0 else -1.0)
    elif p == 1 or p == 3:
        tl.store(o_ptr + p, 7.0)


def test_scalars_branch() -> None:
    o = torch.zeros(5)
    scalar_branch_kernel[(5,)](torch.arange(5.0), o, 3)
    assert o.tolist() == [0.0, 7.0, 2.0, 7.0, 0.0]


@triton.jit
def static_kernel(o_ptr, FLAG: tl.constexpr, NOTHING: tl.constexpr):
    if FLAG and NOTHING is None:
        for i in tl.static_range(3):
            tl.store(o_ptr + i, i)
    for i in tl.range(8, 4, -2):
        tl.store(o_ptr + i, i)


def test_static_conditions_and_loops() -> None:
    o = torch.zeros(9, dtype=torch.int32)
    static_kernel[(1,)](o, True, None)
    assert o.tolist() == [0, 1, 2, 0, 0, 0, 6, 0, 8]


@triton.jit
def assert_kernel(x_ptr, N: tl.constexpr):
    x = tl.load(x_ptr + tl.arange(0, N))
    assert x > 0, "not positive"
    tl.static_assert(N == 4)


def test_an_assertion_holds_in_all_lanes() -> None:
    assert_kernel[(1,)](torch.ones(4), 4)
    with pytest.raises(InterpreterError, match="not positive"):
        assert_kernel[(1,)](torch.tensor([1.0, 1.0, -1.0, 1.0]), 4)


@triton.jit
def while_block_kernel(x_ptr, N: tl.constexpr):
    x = tl.load(x_ptr + tl.arange(0, N))
    while x > 0:
        x -= 1


def test_while_on_a_block_is_refused() -> None:
    with pytest.raises(InterpreterError, match="neither true nor false"):
        while_block_kernel[(1,)](torch.ones(4), 4)


def test_a_module_gains_one_private_name() -> None:
    constants_kernel[(1,)](torch.zeros(8), 16)
    assert RUNTIME_NAME in globals()
    assert "interpreter_semantic" not in globals()
    assert imported_load is tl.load


def test_kernels_defined_in_a_function_see_its_variables() -> None:
    offset: tl.constexpr = tl.constexpr(4)

    @triton.jit
    def shifted(x):
        return x + offset

    @triton.jit
    def kernel(o_ptr):
        tl.store(o_ptr, shifted(1.0))

    o = torch.zeros(1)
    kernel[(1,)](o)
    assert o.item() == 5.0


@triton.jit
def default_kernel(o_ptr, value=2.0, TIMES: tl.constexpr = SCALE):
    tl.store(o_ptr, value * TIMES)


def test_parameters_have_defaults() -> None:
    o = torch.zeros(1)
    default_kernel[(1,)](o)
    assert o.item() == 6.0
    default_kernel[(1,)](o, TIMES=5)
    assert o.item() == 10.0


def test_a_loop_over_wide_bounds_is_wide() -> None:
    o = torch.zeros(1, dtype=torch.int64)
    wide_loop_kernel[(1,)](o, 2**33, 2**33 + 2)
    assert o.item() == 2**33 + 1


@triton.jit
def wide_loop_kernel(o_ptr, start, stop):
    for i in range(start, stop):
        tl.store(o_ptr, i)


@triton.jit
def scalar_default_kernel(o_ptr, x_ptr, n, OTHER: tl.constexpr):
    i = tl.program_id(0)
    tl.store(o_ptr + i, tl.load(x_ptr + i, mask=i < n, other=OTHER))


@pytest.mark.parametrize("other", [0.0, 0, -1.5])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.int32])
def test_a_masked_load_of_one_number_takes_its_default_even_if_that_is_zero(
    dtype: torch.dtype, other: float
) -> None:
    o, x = torch.full((3,), 9, dtype=dtype), torch.full((3,), 7, dtype=dtype)
    scalar_default_kernel[(3,)](o, x, 1, other)
    assert o.tolist() == [7, *[torch.tensor(other).to(dtype).item()] * 2]
