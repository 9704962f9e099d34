"""Checks of operations on whole blocks: products, reductions, scans, atomics."""

# Kernels have no types that Python would understand.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-untyped-decorators

from __future__ import annotations

import warnings

import torch
import triton
import triton.language as tl

from grader.worker.interpreter.selftest.checks import NAN, check, close, normal, out, same, tensor


@triton.jit
def _product(
    a, b, c, K: tl.constexpr, ACC: tl.constexpr, PRECISION: tl.constexpr, N: tl.constexpr = 16
):
    i, k = tl.arange(0, N), tl.arange(0, K)
    left = tl.load(a + i[:, None] * K + k[None, :])
    right = tl.load(b + k[:, None] * N + i[None, :])
    tl.store(
        c + i[:, None] * N + i[None, :],
        tl.dot(left, right, out_dtype=ACC, input_precision=PRECISION),
    )


def _operands(dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    return normal(16, 64).to(dtype), normal(1024).flip(0).reshape(64, 16).to(dtype)


@check("dot of bf16")
def _bf16_dot() -> None:
    a, b = _operands(torch.bfloat16)
    c = out(16, 16)
    _product[(1,)](a, b, c, 64, tl.float32, None)
    close(c, a.double() @ b.double(), 1e-6)


@check("dot of fp8")
def _fp8_dot() -> None:
    a, b = _operands(torch.float8_e5m2)
    c = out(16, 16)
    _product[(1,)](a, b, c, 64, tl.float32, None)
    close(c, a.double() @ b.double(), 1e-3)


@check("dot of int8 is exact")
def _int8_dot() -> None:
    a, b = ((x * 60).clamp(-128, 127).to(torch.int8) for x in _operands(torch.float32))
    c = out(16, 16, dtype=torch.int32)
    _product[(1,)](a, b, c, 64, tl.int32, None)
    same(c, a.double() @ b.double())


@check("dot of fp32 is TF32 unless IEEE is asked for")
def _tf32_dot() -> None:
    a, b = _operands(torch.float32)
    exact, rounded = out(16, 16), out(16, 16)
    _product[(1,)](a, b, exact, 64, tl.float32, "ieee")
    _product[(1,)](a, b, rounded, 64, tl.float32, None)

    def cut(x: torch.Tensor) -> torch.Tensor:
        return (x.view(torch.int32) & ~0x1FFF).view(torch.float32).double()

    close(exact, a.double() @ b.double(), 1e-6)
    close(rounded, cut(a) @ cut(b), 1e-6)


@check("dot into fp16 rounds at each step")
def _fp16_accumulator() -> None:
    a, b = (torch.full((16, 512), 0.125, device=out(1).device).half() for _ in range(2))
    a[:, :16], b[:, :16] = 32, 16
    c = out(16, 16, dtype=torch.float16)
    _product[(1,)](a, b.t().contiguous(), c, 512, tl.float16, None)
    same(c, torch.full((16, 16), 8192.0))


@triton.jit
def _shallow(a, c, N: tl.constexpr):
    i = tl.arange(0, N)
    at = i[:, None] * N + i[None, :]
    tl.store(c + at, tl.dot(tl.load(a + at), tl.load(a + at)))


@check("dot too small for tensor cores is refused")
def _small_dot() -> None:
    try:
        _shallow[(1,)](normal(8, 8, dtype=torch.float16), out(8, 8), 8)
    except Exception:
        return
    raise AssertionError("an 8 x 8 x 8 product of fp16 was accepted")


@triton.jit
def _reductions(x, o, N: tl.constexpr):
    v = tl.load(x + tl.arange(0, N))
    tl.store(o, tl.max(v, 0))
    tl.store(o + 1, tl.min(v, 0))
    tl.store(o + 2, v.sum(0))


@check("reductions of bf16")
def _bf16_reductions() -> None:
    x, o = tensor([3.0, -7.5, 1.5, 96.0], torch.bfloat16), out(3)
    _reductions[(1,)](x, o, 4)
    same(o, [96.0, -7.5, 93.0])


@check("sums of fp16 round as they go")
def _fp16_sum() -> None:
    x = torch.cat([tensor([2048.0]), tensor([1.0] * 1023)]).half()
    o = out(3)
    _reductions[(1,)](x, o, 1024)
    total = o[2].item()
    if not 3000 <= total < 3071:
        raise AssertionError(f"got {total}; in fp16 2048 + 1 is 2048")


@check("reductions ignore NaN, without a warning")
def _nan_reductions() -> None:
    o = out(3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _reductions[(1,)](tensor([1.0, NAN, 3.0, 2.0]), o, 4)
        same(o, [3.0, 1.0, NAN])
        _reductions[(1,)](tensor([NAN] * 4), o, 4)
        same(o, [NAN, NAN, NAN])


@triton.jit
def _positions(x, o, N: tl.constexpr):
    v = tl.load(x + tl.arange(0, N))
    best, where = tl.max(v, 0, return_indices=True)
    tl.store(o, best)
    tl.store(o + 1, where.to(tl.float32))
    tl.store(o + 2, tl.argmin(v, 0).to(tl.float32))


@check("argmax and argmin")
def _arg_reductions() -> None:
    o = out(3)
    _positions[(1,)](tensor([3.0, 9.0, -1.0, 9.0]), o, 4)
    same(o, [9.0, 1.0, 2.0])
    _positions[(1,)](tensor([3.0, NAN, 5.0, 2.0]), o, 4)
    same(o, [5.0, 2.0, 3.0])


@triton.jit
def _welford(mean_a, m2_a, n_a, mean_b, m2_b, n_b):
    n = n_a + n_b
    delta = mean_b - mean_a
    share = n_b / n
    return mean_a + delta * share, m2_a + m2_b + delta * delta * n_a * share, n


@triton.jit
def _variance(x, o, M: tl.constexpr, N: tl.constexpr):
    rows, columns = tl.arange(0, M), tl.arange(0, N)
    v = tl.load(x + rows[:, None] * N + columns[None, :])
    start = tl.zeros((M, N), tl.float32)
    mean, m2, n = tl.reduce((v, start, start + 1.0), 1, _welford)
    tl.store(o + rows, mean)
    tl.store(o + M + rows, m2 / n)


@check("reductions by a function of one's own")
def _custom_reduction() -> None:
    x, o = normal(8, 64), out(2, 8)
    _variance[(1,)](x, o, 8, 64)
    close(o, torch.stack([x.mean(1), x.var(1, unbiased=False)]))


@triton.jit
def _recurrence(a1, b1, a2, b2):
    return a1 * a2, b1 * a2 + b2


@triton.jit
def _scans(a, b, o, N: tl.constexpr):
    i = tl.arange(0, N)
    x, y = tl.load(a + i), tl.load(b + i)
    _, h = tl.associative_scan((x, y), 0, _recurrence)
    tl.store(o + i, h)
    tl.store(o + N + i, tl.cumsum(x, 0))
    tl.store(o + 2 * N + i, tl.cumsum(x, 0, reverse=True))
    tl.store(o + 3 * N + i, tl.cumprod(x, 0))


@check("scans")
def _scan() -> None:
    a, b, o = normal(32).sigmoid(), normal(64)[32:], out(4, 32)
    _scans[(1,)](a, b, o, 32)
    h, state = [], 0.0
    for factor, term in zip(a.tolist(), b.tolist(), strict=True):
        state = state * factor + term
        h.append(state)
    expected = [tensor(h), a.cumsum(0), a.flip(0).cumsum(0).flip(0), a.cumprod(0)]
    close(o, torch.stack(expected))


@triton.jit
def _count(x, o, N: tl.constexpr):
    tl.store(o + tl.arange(0, 4), tl.histogram(tl.load(x + tl.arange(0, N)), 4))


@check("histogram drops what lies outside")
def _histogram() -> None:
    o = out(4, dtype=torch.int32)
    _count[(1,)](tensor([0, 1, 1, 4, 5, -1, 3, 3], torch.int32), o, 8)
    same(o, [1, 2, 0, 2])


@triton.jit
def _accumulate(x, o, N: tl.constexpr):
    i = tl.arange(0, N)
    tl.atomic_add(o + i % 2, tl.load(x + i))


@check("atomic sums of bf16")
def _bf16_atomics() -> None:
    o = torch.zeros_like(out(2, dtype=torch.bfloat16))
    _accumulate[(1,)](tensor([1.0, 2.0] * 8, torch.bfloat16), o, 16)
    same(o, [8.0, 16.0])
