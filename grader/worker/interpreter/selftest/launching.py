"""Checks of what happens around a kernel: arguments, autotuning, the driver."""

# Kernels have no types that Python would understand.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-untyped-decorators

from __future__ import annotations

import torch
import triton
import triton.language as tl

from grader.worker.interpreter.selftest import checks
from grader.worker.interpreter.selftest.checks import check, normal, out, same, tensor


def _configs() -> list[triton.Config]:
    return [triton.Config({"BLOCK": 64}, num_warps=2), triton.Config({"BLOCK": 128})]


@triton.autotune(configs=_configs(), key=["n"])
@triton.jit
def _tuned(x, o, n, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(o + i, tl.load(x + i, mask=i < n) * 2, mask=i < n)


@check("autotune takes a configuration")
def _autotune() -> None:
    x, o = normal(1000), out(1000)
    _tuned[lambda meta: (triton.cdiv(1000, meta["BLOCK"]),)](x, o, 1000)
    same(o, x * 2)
    if _tuned.best_config.kwargs["BLOCK"] not in (64, 128):
        raise AssertionError(f"best_config is {_tuned.best_config}")


@triton.autotune(configs=_configs(), key=["n"], reset_to_zero=["o"])
@triton.jit
def _tuned_sum(x, o, n, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.atomic_add(o, tl.sum(tl.load(x + i, mask=i < n, other=0.0), 0))


@check("autotune resets tensors")
def _reset_to_zero() -> None:
    o = out(1)
    _tuned_sum[lambda meta: (triton.cdiv(100, meta["BLOCK"]),)](tensor([1.0] * 100), o, 100)
    same(o, [100.0])


@triton.autotune(configs=_configs(), key=["n"], restore_value=["x"])
@triton.jit
def _tuned_in_place(x, n, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(x + i, tl.load(x + i, mask=i < n) * 2, mask=i < n)


@check("autotune restores tensors")
def _restore_value() -> None:
    x = tensor([3.0] * 100)
    _tuned_in_place[lambda meta: (triton.cdiv(100, meta["BLOCK"]),)](x, 100)
    same(x, [6.0] * 100)


@triton.heuristics({"BLOCK": lambda args: triton.next_power_of_2(args["n"])})
@triton.jit
def _heuristic(x, o, n, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    tl.store(o + i, tl.load(x + i, mask=i < n), mask=i < n)


@check("heuristics")
def _heuristics() -> None:
    x, o = normal(100), out(100)
    _heuristic[(1,)](x, o, 100)
    same(o, x)


@triton.jit
def _far(x, stride, N: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    i = tl.arange(0, N)
    tl.store(x + row * stride + i, tl.load(x + row * stride + i) + 1.0)


@check("kernels work on the tensor's own memory")
def _in_place() -> None:
    stride = 2**29 + 4
    x = torch.empty(2 * stride, device=checks.DEVICE).as_strided((3, 4), (stride - 8, 1))
    x.zero_()
    _far[(3,)](x, stride - 8, 4)
    same(x, torch.ones(3, 4))


@triton.jit
def _typed(o, wide: tl.int64, flag, nothing, N: tl.constexpr):
    if nothing is None:
        tl.store(o, wide * 65536)
    tl.store(o + 1, flag.to(tl.int64))


@check("annotated, boolean and missing arguments")
def _arguments() -> None:
    o = out(2, dtype=torch.int64)
    _typed[(1,)](o, 65536, True, None, 4)
    same(o, [2**32, 1])


@check("the driver names a torch device")
def _driver() -> None:
    device = triton.runtime.driver.active.get_active_torch_device()
    if torch.device(device).type != checks.DEVICE:
        raise AssertionError(f"the driver's device is {device}")
