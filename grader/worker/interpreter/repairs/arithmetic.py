"""Elementwise arithmetic on floats."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import triton.language as tl

from grader.worker.interpreter.repairs.bits import (
    Array,
    bf16_handle,
    is_bf16,
    values_of,
)
from grader.worker.interpreter.stock import InterpreterBuilder, TensorHandle, numpy_dtype, stock

Operation = Callable[..., Array]

_ARITHMETIC = (np.add, np.subtract, np.multiply)


class Arithmetic(InterpreterBuilder):
    """Operations that work on each lane by itself."""

    def binary_op(self, lhs: TensorHandle, rhs: TensorHandle, op: Operation) -> TensorHandle:
        """bfloat16 operands are computed in fp32 and rounded once; booleans wrap as one bit.

        Stock up to 3.9 computes with the bit patterns of bfloat16, and up to 3.8 takes sums of
        booleans for their disjunction. The result of a comparison says that it is boolean.
        """
        if is_bf16(lhs) or is_bf16(rhs):
            output = op(values_of(lhs), values_of(rhs))
            if output.dtype != np.bool_:
                return bf16_handle(output)
        elif lhs.data.dtype == np.bool_ == rhs.data.dtype and op in _ARITHMETIC:
            output = (op(lhs.data.view(np.int8), rhs.data.view(np.int8)) & 1).astype(np.bool_)
        else:
            output = op(lhs.data, rhs.data)
        if output.dtype == np.bool_:
            return TensorHandle(output, tl.int1)
        dtype = lhs.dtype.scalar
        if not stock._validate_np_data_size(output, dtype):
            output = output.astype(numpy_dtype(dtype))
        return TensorHandle(output, dtype)

    def unary_op(self, arg: TensorHandle, op: Operation) -> TensorHandle:
        """bfloat16 is computed in fp32; stock up to 3.9 computes with its bit patterns."""
        if is_bf16(arg):
            return bf16_handle(op(values_of(arg)))
        return TensorHandle(op(arg.data), arg.dtype.scalar)

    def create_minnumf(self, lhs: TensorHandle, rhs: TensorHandle) -> TensorHandle:
        """``tl.minimum`` ignores one NaN, as on a GPU; stock up to 3.7 returns it."""
        return self.binary_op(lhs, rhs, np.fmin)

    def create_maxnumf(self, lhs: TensorHandle, rhs: TensorHandle) -> TensorHandle:
        """``tl.maximum`` ignores one NaN, as on a GPU; stock up to 3.7 returns it."""
        return self.binary_op(lhs, rhs, np.fmax)

    def create_clampf(
        self, arg: TensorHandle, lo: TensorHandle, hi: TensorHandle, propagate_nans: Any
    ) -> TensorHandle:
        """``tl.clamp`` turns NaN into the lower bound, as on a GPU; stock up to 3.7 keeps it."""
        if propagate_nans == stock._ir.PROPAGATE_NAN.NONE:
            return self.create_minnumf(self.create_maxnumf(arg, lo), hi)
        return self.binary_op(self.binary_op(arg, lo, np.maximum), hi, np.minimum)

    def create_fma(self, x: TensorHandle, y: TensorHandle, z: TensorHandle) -> TensorHandle:
        """``tl.fma`` rounds once; stock up to 3.8 rounds twice, and computes bfloat16 bits."""
        wide = (values_of(handle).astype(np.float64) for handle in (x, y, z))
        a, b, c = wide
        result = a * b + c
        if is_bf16(z):
            return bf16_handle(result.astype(np.float32))
        return TensorHandle(result.astype(z.data.dtype), z.dtype.scalar)

    def create_rsqrt(self, arg: TensorHandle) -> TensorHandle:
        """``tl.rsqrt`` on bfloat16; stock up to 3.9 computes with its bit patterns."""
        one = np.ones((), dtype=values_of(arg).dtype)
        return self.unary_op(arg, lambda value: one / np.sqrt(value))

    def create_erf(self, arg: TensorHandle) -> TensorHandle:
        """``tl.erf`` in one call; stock up to 3.9 makes a Python call for each lane."""

        def erf(values: Array) -> Array:
            result: Array = torch.special.erf(torch.from_numpy(np.array(values))).numpy()
            return result

        return self.unary_op(arg, erf)

    def get_bf16(self, value: float) -> TensorHandle:
        """A bfloat16 constant; stock up to 3.8 has none, so that ``x * 2`` fails."""
        return bf16_handle(np.array([value], dtype=np.float32))
