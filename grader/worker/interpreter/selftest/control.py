"""Checks of Python constructs that a compiler understands differently."""

# Kernels have no types that Python would understand.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-untyped-decorators
# mypy: disable-error-code="attr-defined, union-attr"

from __future__ import annotations

import torch
import triton
import triton.language as tl
from triton.language import exp as imported_exp

from grader.worker.interpreter.selftest.checks import check, close, normal, out, same, tensor


@triton.jit
def _ragged(bounds, x, o):
    p = tl.program_id(0)
    start, stop = tl.load(bounds + p), tl.load(bounds + p + 1)
    total = 0.0
    for i in range(start, stop):
        total += tl.load(x + i)
    tl.store(o + p, total)


@check("loop bounds from memory")
def _loaded_bounds() -> None:
    x, o = normal(10), out(2)
    _ragged[(2,)](tensor([0, 3, 10], torch.int32), x, o)
    close(o, torch.stack([x[:3].sum(), x[3:].sum()]))


@triton.jit
def _loop_variable(o, stride, N: tl.constexpr):
    for i in range(0, N):
        tl.store(o + i.to(tl.int64), (i * stride).to(tl.int64))
    for i in tl.range(1, N, 2, num_stages=2):
        tl.store(o + N + i, i.to(tl.int64))


@check("the variable of a loop is a tensor that wraps around")
def _wrapping_loop() -> None:
    o = torch.zeros_like(out(2, 4, dtype=torch.int64))
    _loop_variable[(1,)](o, 2**30, 4)
    same(o, [[0, 2**30, -(2**31), -(2**30)], [0, 1, 0, 3]])


@triton.jit
def _logic(o, n, N: tl.constexpr):
    i = tl.arange(0, N)
    inside = (i < n) and (i > 2)
    tl.store(o + i, inside.to(tl.int32))
    tl.store(o + N + i, (not (i < n) or (i == 0)).to(tl.int32))
    tl.store(o + 2 * N + i, min(i, 5))
    tl.store(o + 3 * N + i, max(i, n))


@check("and, or, not, min, max work lane by lane")
def _lane_by_lane() -> None:
    o = out(4, 8, dtype=torch.int32)
    _logic[(1,)](o, 6, 8)
    same(
        o,
        [
            [0, 0, 0, 1, 1, 1, 0, 0],
            [1, 0, 0, 0, 0, 0, 1, 1],
            [0, 1, 2, 3, 4, 5, 5, 5],
            [6, 6, 6, 6, 6, 6, 6, 7],
        ],
    )


@triton.jit
def _branch_on_block(x, N: tl.constexpr):
    v = tl.load(x + tl.arange(0, N))
    if v > 0:
        tl.store(x, 0.0)


@check("a block is no condition")
def _no_condition() -> None:
    try:
        _branch_on_block[(1,)](normal(4), 4)
    except Exception:
        return
    raise AssertionError("if on a block was accepted")


@triton.jit
def _scaled(x, o, factor, N: tl.constexpr):
    i = tl.arange(0, N)
    tl.store(o + i, tl.load(x + i) * factor + 1.0)


@check("a float argument is an fp32 tensor")
def _float_argument() -> None:
    x, o = normal(64, dtype=torch.float16), out(64)
    _scaled[(1,)](x, o, 0.1, 64)
    close(o, x.float() * 0.1 + 1.0, 1e-7)


@triton.jit
def _methods(x, o, N: tl.constexpr):
    v = tl.load(x + tl.arange(0, N))
    tl.store(o, v.sum(axis=0))
    tl.store(o + 1, v.max(axis=0))
    tl.store(o + 2, imported_exp(v).sum(0))


@check("methods of tensors, and functions imported by name")
def _tensor_methods() -> None:
    x, o = normal(64), out(3)
    _methods[(1,)](x, o, 64)
    close(o, torch.stack([x.sum(), x.max(), x.exp().sum()]))


def _captured(offset: tl.constexpr) -> object:
    @triton.jit
    def kernel(o):
        tl.store(o, offset)

    return kernel


@check("variables of an enclosing function")
def _closure() -> None:
    o = out(1)
    _captured(tl.constexpr(5))[(1,)](o)  # type: ignore[index]
    same(o, [5.0])


@triton.jit
def _asserting(x, N: tl.constexpr):
    v = tl.load(x + tl.arange(0, N))
    tl.device_assert(v < 3.0, "too large")


@check("device_assert fails if one lane does")
def _device_assert() -> None:
    _asserting[(1,)](tensor([0.0, 1.0, 2.0, 2.5]), 4)
    try:
        _asserting[(1,)](tensor([0.0, 1.0, 2.0, 3.5]), 4)
    except Exception as error:
        if "too large" in str(error):
            return
        raise
    raise AssertionError("a false assertion was ignored")
