"""Elementwise arithmetic on integers. Overflow wraps around silently, as on a GPU."""

from __future__ import annotations

from typing import Any

import numpy as np
import triton.language as tl

from grader.worker.interpreter.stock import InterpreterBuilder, TensorHandle, numpy_dtype, stock


class Integers(InterpreterBuilder):
    """Division, shifts, products and histograms of integers."""

    def create_idiv(self, lhs: TensorHandle, rhs: TensorHandle) -> TensorHandle:
        """``//`` truncates, and ``x // 0`` has all bits set as on a GPU.

        Stock up to 3.9 gives 0 for division by zero, with a warning.
        """
        dividend, divisor = lhs.data, rhs.data
        quotient = (dividend - np.fmod(dividend, divisor)) // divisor
        if not divisor.all():
            ones = ~np.zeros((), dtype=quotient.dtype)
            quotient = np.where(divisor == 0, ones, quotient)
        return TensorHandle(quotient, lhs.dtype.scalar)

    def _remainder(self, lhs: TensorHandle, rhs: TensorHandle) -> TensorHandle:
        result = self.binary_op(lhs, rhs, np.fmod)
        if not rhs.data.all():
            result.data = np.where(rhs.data == 0, lhs.data, result.data)
        return result

    def create_srem(self, lhs: TensorHandle, rhs: TensorHandle) -> TensorHandle:
        """``%`` has the sign of the dividend, and ``x % 0`` is x; stock up to 3.9 gives 0."""
        return self._remainder(lhs, rhs)

    def create_urem(self, lhs: TensorHandle, rhs: TensorHandle) -> TensorHandle:
        """``%`` of unsigned integers; see ``create_srem``."""
        return self._remainder(lhs, rhs)

    def create_ashr(self, lhs: TensorHandle, rhs: TensorHandle) -> TensorHandle:
        """``>>`` leaves its operands alone; stock up to 3.7 makes unsigned ones signed."""
        return self.binary_op(_signed(lhs), _signed(rhs), np.right_shift)

    def create_umulhi(self, lhs: TensorHandle, rhs: TensorHandle) -> TensorHandle:
        """High half of an unsigned product; stock up to 3.8 extends the sign of signed operands."""
        size = lhs.data.dtype.itemsize
        if size == 8:
            high = stock.np_umulhi_u64(lhs.data.view(np.uint64), rhs.data.view(np.uint64))
            return TensorHandle(high.view(lhs.data.dtype), lhs.dtype.scalar)
        narrow, wide = np.dtype(f"u{size}"), np.dtype(f"u{2 * size}")
        left, right = (handle.data.view(narrow).astype(wide) for handle in (lhs, rhs))
        high = ((left * right) >> wide.type(8 * size)).astype(narrow)
        return TensorHandle(high.view(lhs.data.dtype), lhs.dtype.scalar)

    def create_histogram(self, data: TensorHandle, bins: int, mask: Any) -> TensorHandle:
        """Values outside the bins count nowhere; stock up to 3.8 counts ``bins`` in the last."""
        counted = (data.data >= 0) & (data.data < bins)
        if mask is not None:
            counted = counted & mask.data
        return TensorHandle(
            np.bincount(data.data[counted], minlength=bins).astype(np.int32), tl.int32
        )

    def get_all_ones_value(self, dtype: Any) -> TensorHandle:
        """The operand of ``~x``; stock up to 3.8 fails on unsigned integers with numpy 2."""
        kind = numpy_dtype(dtype)
        if kind.kind not in "biu":
            raise TypeError(f"{dtype} has no bitwise complement")
        return TensorHandle(~np.zeros(1, dtype=kind), dtype.scalar)


def _signed(handle: TensorHandle) -> TensorHandle:
    data = handle.data
    return TensorHandle(data.astype(stock._get_signed_np_dtype(data.dtype)), handle.dtype)
