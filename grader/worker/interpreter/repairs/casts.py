"""Conversions between element types."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import triton.language as tl

from grader.worker.interpreter.repairs.bits import Array, bf16_handle, values_of
from grader.worker.interpreter.stock import InterpreterBuilder, TensorHandle, numpy_dtype, stock

# Formats that torch converts.
_FP8 = {
    tl.float8e5.name: torch.float8_e5m2,
    tl.float8e4nv.name: torch.float8_e4m3fn,
    tl.float8e5b16.name: torch.float8_e5m2fnuz,
    tl.float8e4b8.name: torch.float8_e4m3fnuz,
}


class Casts(InterpreterBuilder):
    """``x.to(dtype)``."""

    def cast_impl(self, src: TensorHandle, dst_type: Any) -> TensorHandle:
        """Conversions among integers, fp16, bfloat16, fp32 and fp64.

        Stock up to 3.9 cuts fp32 off to bfloat16 instead of rounding, and leaves floats
        outside an integer type's range to the CPU, where a GPU saturates.
        """
        target = dst_type.scalar
        values = values_of(src)
        if target == tl.bfloat16:
            if src.dtype.scalar == tl.bfloat16:
                return src
            return bf16_handle(values.astype(np.float32))
        if values.dtype.kind == "f" and target.is_int() and target != tl.int1:
            return TensorHandle(_float_to_int(values, numpy_dtype(target)), target)
        return TensorHandle(values.astype(numpy_dtype(target)), target)

    def create_fp_to_fp(self, src: TensorHandle, dst_type: Any, rounding_mode: Any) -> TensorHandle:
        """Conversions from and to fp8, and rounding toward zero.

        Stock up to 3.9 rounds half up without a carry into the exponent. On a GPU a value too
        large for fp8 becomes the largest one; a value rounded toward zero never becomes
        infinite.
        """
        source, target = src.dtype.scalar, dst_type.scalar
        if source.name not in _FP8 | _STANDARD or target.name not in _FP8 | _STANDARD:
            return super().create_fp_to_fp(src, dst_type, rounding_mode)
        values = _from_fp8(src) if source.name in _FP8 else values_of(src)
        if target.name in _FP8:
            return TensorHandle(_to_fp8(values, _FP8[target.name]), target)
        if rounding_mode == stock._ir.ROUNDING_MODE.RTZ:
            return _toward_zero(values, target)
        return self.cast_impl(TensorHandle(values, _TRITON[values.dtype.name]), dst_type)


_TRITON = {"float16": tl.float16, "float32": tl.float32, "float64": tl.float64}
_STANDARD = {kind.name: None for kind in (tl.float16, tl.bfloat16, tl.float32, tl.float64)}


def from_fp8(handle: TensorHandle) -> Array | None:
    """Values of an fp8 handle as fp32; None for other types."""
    return _from_fp8(handle) if handle.dtype.scalar.name in _FP8 else None


def _from_fp8(handle: TensorHandle) -> Array:
    bits = torch.from_numpy(np.array(handle.data))
    return bits.view(_FP8[handle.dtype.scalar.name]).to(torch.float32).numpy()


def _to_fp8(values: Array, dtype: torch.dtype) -> Array:
    largest = torch.finfo(dtype).max
    clipped = np.clip(values.astype(np.float32), -largest, largest)
    return torch.from_numpy(clipped).to(dtype).view(torch.uint8).numpy()


def _float_to_int(values: Array, target: np.dtype[Any]) -> Array:
    """Truncate as ``cvt.rzi`` does: saturate, NaN gives 0 (the smallest int64)."""
    # A GPU converts to 8 bits by way of 16.
    via = np.dtype(f"{target.kind}2") if target.itemsize == 1 else target
    limits = np.iinfo(via)
    exact = values.astype(np.float64)
    with np.errstate(invalid="ignore"):
        result = exact.astype(via)
    inside = (exact > float(limits.min) - 1) & (exact < float(limits.max) + 1)
    if not inside.all():
        result = np.where(inside, result, np.where(exact > 0, limits.max, limits.min).astype(via))
        nan = limits.min if via == np.int64 else 0
        result = np.where(np.isnan(exact), via.type(nan), result)
    return result.astype(target)


def _toward_zero(values: Array, target: Any) -> TensorHandle:
    values = values.astype(np.float32)
    if target == tl.bfloat16:
        bits = (values.view(np.uint32) >> np.uint32(16)).astype(np.uint16)
        return TensorHandle(np.where(np.isnan(values), np.uint16(0x7FC0), bits), target)
    kind = numpy_dtype(target)
    nearest = values.astype(kind)
    away = np.abs(nearest.astype(np.float32)) > np.abs(values)
    return TensorHandle(np.where(away, np.nextafter(nearest, kind.type(0)), nearest), target)
