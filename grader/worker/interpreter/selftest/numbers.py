"""Checks of elementwise arithmetic and conversions."""

# Kernels have no types that Python would understand.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-untyped-decorators

from __future__ import annotations

import warnings

import torch
import triton
import triton.language as tl
from triton.language.extra import libdevice

from grader.worker.interpreter.selftest.checks import (
    INF,
    NAN,
    check,
    close,
    normal,
    out,
    same,
    tensor,
)


@triton.jit
def _arithmetic(x, y, o, N: tl.constexpr):
    i = tl.arange(0, N)
    a, b = tl.load(x + i), tl.load(y + i)
    tl.store(o + i, a + b)
    tl.store(o + N + i, a * b)
    tl.store(o + 2 * N + i, a / b)
    tl.store(o + 3 * N + i, tl.maximum(a, b))
    tl.store(o + 4 * N + i, a * 2)
    tl.store(o + 5 * N + i, -a)
    tl.store(o + 6 * N + i, tl.where(a > b, tl.abs(a), b))


@check("bf16 arithmetic")
def _bf16_arithmetic() -> None:
    x, y = normal(256, dtype=torch.bfloat16), normal(512, dtype=torch.bfloat16)[256:]
    o = out(7, 256, dtype=torch.bfloat16)
    _arithmetic[(1,)](x, y, o, 256)
    expected = [x + y, x * y, x / y, torch.maximum(x, y), x * 2, -x]
    same(o, torch.stack([*expected, torch.where(x > y, x.abs(), y)]))


@triton.jit
def _cast(x, o, N: tl.constexpr, TYPE: tl.constexpr):
    i = tl.arange(0, N)
    tl.store(o + i, tl.load(x + i).to(TYPE))


@check("bf16 casts")
def _bf16_casts() -> None:
    values = [1.0, 1.00390625, 1.01171875, -1.0039, 3.4e38, INF, -INF, NAN]
    for dtype in (torch.float32, torch.float16, torch.float64, torch.int32):
        x = tensor(range(250, 258)) if dtype == torch.int32 else tensor(values)
        x = x.to(dtype)
        o = out(8, dtype=torch.bfloat16)
        _cast[(1,)](x, o, 8, tl.bfloat16)
        same(o, x.to(torch.bfloat16))
    x, o = normal(256, dtype=torch.bfloat16), out(256, dtype=torch.float16)
    _cast[(1,)](x, o, 256, tl.float16)
    same(o, x.half())


@triton.jit
def _through(x, o, N: tl.constexpr, TYPE: tl.constexpr):
    i = tl.arange(0, N)
    tl.store(o + i, tl.load(x + i).to(TYPE).to(tl.float32))


@check("fp8 casts")
def _fp8_casts() -> None:
    kinds = ((tl.float8e4nv, torch.float8_e4m3fn), (tl.float8e5, torch.float8_e5m2))
    for source in (torch.float32, torch.float16, torch.bfloat16):
        x = torch.cat([normal(1000), normal(22) * 1e-3, tensor([NAN, 0.0])]).to(source)
        for kind, reference in kinds:
            o = out(1024)
            _through[(1,)](x, o, 1024, kind)
            same(o, x.to(reference).float())
    o = out(4)
    _through[(1,)](tensor([449.0, -1e6, INF, -INF]), o, 4, tl.float8e4nv)
    same(o, [448.0, -448.0, 448.0, -448.0])


@check("floats outside an integer type saturate")
def _float_to_int() -> None:
    x = tensor([1.5, -1.5, 300.7, 3e9, -3e9, NAN, INF, -1.0])
    for kind, dtype, expected in (
        (tl.int8, torch.int8, [1, -1, 44, -1, 0, 0, -1, -1]),
        (tl.uint8, torch.uint8, [1, 0, 44, 255, 0, 0, 255, 0]),
        (tl.int32, torch.int32, [1, -1, 300, 2**31 - 1, -(2**31), 0, 2**31 - 1, -1]),
    ):
        o = out(8, dtype=dtype)
        _cast[(1,)](x, o, 8, kind)
        same(o, expected)


@triton.jit
def _cut(x, o, N: tl.constexpr, TYPE: tl.constexpr):
    i = tl.arange(0, N)
    tl.store(o + i, tl.cast(tl.load(x + i), TYPE, fp_downcast_rounding="rtz").to(tl.float32))


@check("rounding toward zero")
def _toward_zero() -> None:
    x, o = tensor([1.0009, -1.0009, 1e5, -1e5, 3e-8, INF, NAN, 65519.0]), out(8)
    _cut[(1,)](x, o, 8, tl.float16)
    same(o, [1.0, -1.0, 65504.0, -65504.0, 0.0, INF, NAN, 65504.0])
    _cut[(1,)](x, o, 4, tl.bfloat16)
    same(o[:4], [1.0, -1.0, 99840.0, -99840.0])


@triton.jit
def _extrema(x, y, o, N: tl.constexpr):
    i = tl.arange(0, N)
    a, b = tl.load(x + i), tl.load(y + i)
    tl.store(o + i, tl.maximum(a, b))
    tl.store(o + N + i, tl.minimum(a, b))
    tl.store(o + 2 * N + i, tl.clamp(a, 0.0, 1.0))
    tl.store(o + 3 * N + i, tl.maximum(a, b, propagate_nan=tl.PropagateNan.ALL))


@check("maxima and minima ignore NaN")
def _nan() -> None:
    o = out(4, 4)
    _extrema[(1,)](tensor([NAN, 1.0, -5.0, 7.0]), tensor([1.0, NAN, 2.0, NAN]), o, 4)
    same(o, [[1, 1, 2, 7], [1, 1, -5, 7], [0, 1, 0, 1], [NAN, NAN, 2, NAN]])


@triton.jit
def _fused(x, y, z, o, N: tl.constexpr):
    i = tl.arange(0, N)
    tl.store(o + i, tl.fma(tl.load(x + i), tl.load(y + i), tl.load(z + i)))


@check("fma rounds once")
def _fma() -> None:
    x = tensor([1 + 2**-12, 3.0])
    o = out(2)
    _fused[(1,)](x, x, tensor([-1.0, 1.0]), o, 2)
    same(o, [2**-11 + 2**-24, 10.0])


@triton.jit
def _functions(x, o, N: tl.constexpr):
    i = tl.arange(0, N)
    v = tl.load(x + i)
    tl.store(o + i, tl.erf(v))
    tl.store(o + N + i, tl.rsqrt(tl.abs(v)))
    tl.store(o + 2 * N + i, tl.sigmoid(v))


@check("erf, rsqrt, sigmoid")
def _elementary() -> None:
    x, o = normal(256), out(3, 256)
    _functions[(1,)](x, o, 256)
    close(o[0], torch.erf(x), 1e-6)
    close(o[1], x.abs().rsqrt(), 1e-6)
    close(o[2], x.sigmoid(), 1e-6)


@triton.jit
def _library(x, o, N: tl.constexpr):
    i = tl.arange(0, N)
    v = tl.load(x + i)
    tl.store(o + i, libdevice.tanh(v))
    tl.store(o + N + i, libdevice.rint(v * 4))
    tl.store(o + 2 * N + i, libdevice.pow(tl.abs(v), v))
    tl.store(o + 3 * N + i, libdevice.log1p(tl.abs(v)))
    tl.store(o + 4 * N + i, libdevice.div_rn(v, 3.0))
    tl.store(o + 5 * N + i, libdevice.expm1(v))
    tl.store(o + 6 * N + i, libdevice.isnan(v).to(tl.float32))


@check("libdevice")
def _libdevice() -> None:
    x, o = normal(256), out(7, 256)
    _library[(1,)](x, o, 256)
    expected = [x.tanh(), (x * 4).round(), x.abs() ** x, x.abs().log1p(), x / 3, x.expm1()]
    close(o, torch.stack([*expected, torch.zeros_like(x)]), 2e-6)


@triton.jit
def _integers(x, y, o, N: tl.constexpr):
    i = tl.arange(0, N)
    a, b = tl.load(x + i), tl.load(y + i)
    tl.store(o + i, a // b)
    tl.store(o + N + i, a % b)
    tl.store(o + 2 * N + i, a << b)
    tl.store(o + 3 * N + i, a >> b)
    tl.store(o + 4 * N + i, ~a)
    tl.store(o + 5 * N + i, a * 65537)
    tl.store(o + 6 * N + i, a + 2147483647)


@check("integers wrap around, divide and shift as on a GPU")
def _integer_arithmetic() -> None:
    x = tensor([7, -7, 7, -(2**31), 5, 5, -5, 1], torch.int32)
    y = tensor([2, 2, 0, -1, 3, 1, 1, 31], torch.int32)
    o = out(7, 8, dtype=torch.int32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _integers[(1,)](x, y, o, 8)
    same(o[0], [3, -3, -1, -(2**31), 1, 5, -5, 0])
    same(o[1], [1, -1, 7, 0, 2, 0, 0, 1])
    same(o[2], [28, -28, 7, 0, 40, 10, -10, -(2**31)])
    same(o[3], [1, -2, 7, -1, 0, 2, -3, 0])
    same(o[4:], torch.stack([~x, x * 65537, x + 2147483647]))


@triton.jit
def _high(x, y, o, N: tl.constexpr):
    i = tl.arange(0, N)
    tl.store(o + i, tl.umulhi(tl.load(x + i), tl.load(y + i)))


@check("umulhi")
def _umulhi() -> None:
    x = tensor([-1, 7, 2**30, -(2**31)], torch.int32)
    o = out(4, dtype=torch.int32)
    _high[(1,)](x, x, o, 4)
    unsigned = [value % 2**32 for value in x.tolist()]
    same(o, [((value * value >> 32) + 2**31) % 2**32 - 2**31 for value in unsigned])


@triton.jit
def _booleans(x, o, N: tl.constexpr):
    i = tl.arange(0, N)
    flag = tl.load(x + i) > 0
    tl.store(o + i, (flag + flag).to(tl.int32))
    tl.store(o + N + i, (~flag).to(tl.int32))
    tl.store(o + 2 * N + i, tl.sum(flag.to(tl.int32), 0) + tl.zeros((N,), tl.int32))


@check("booleans are integers of one bit")
def _one_bit() -> None:
    o = out(3, 4, dtype=torch.int32)
    _booleans[(1,)](tensor([1.0, -1.0, 1.0, 1.0]), o, 4)
    same(o, [[0, 0, 0, 0], [0, 1, 0, 0], [3, 3, 3, 3]])
