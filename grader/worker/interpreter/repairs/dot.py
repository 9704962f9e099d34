"""``tl.dot``."""

from __future__ import annotations

from typing import Any

import numpy as np
import triton.language as tl

from grader.worker.interpreter.repairs.bits import Array, values_of
from grader.worker.interpreter.repairs.casts import from_fp8
from grader.worker.interpreter.stock import InterpreterBuilder, TensorHandle, stock

# Depth of one tensor-core instruction on 16-bit operands.
_STEP = 16


class Products(InterpreterBuilder):
    """Matrix products of blocks."""

    def create_dot(
        self, a: TensorHandle, b: TensorHandle, d: TensorHandle, input_precision: Any, *_: Any
    ) -> TensorHandle:
        """``tl.dot`` with the precision that a GPU gives.

        Stock up to 3.9 multiplies the bit patterns of bfloat16, computes fp32 operands exactly
        although the default is TF32, and an fp16 accumulator in fp32 within one block. It also
        multiplies fp16 and integers without BLAS, many times slower.
        """
        left, right = _operand(a), _operand(b)
        if input_precision == stock._ir.INPUT_PRECISION.TF32:
            left, right = _tf32(left), _tf32(right)
        if d.dtype.scalar == tl.float16:
            return TensorHandle(_accumulate_fp16(left, right, d.data), d.dtype.scalar)
        if d.data.dtype.kind == "i":
            product = np.matmul(left.astype(np.float64), right.astype(np.float64))
            return TensorHandle(product.astype(np.int64).astype(np.int32) + d.data, d.dtype.scalar)
        return TensorHandle(np.matmul(left, right, dtype=d.data.dtype) + d.data, d.dtype.scalar)


def _operand(handle: TensorHandle) -> Array:
    values = from_fp8(handle)
    if values is None:
        values = values_of(handle)
    return values.astype(np.float32) if values.dtype == np.float16 else values


def _tf32(values: Array) -> Array:
    """Operands as the tensor core sees them: the low 13 bits of fp32 are cut off."""
    if values.dtype != np.float32:
        return values
    bits = np.ascontiguousarray(values).view(np.uint32)
    return (bits & np.uint32(0xFFFFE000)).view(np.float32)


def _accumulate_fp16(left: Array, right: Array, accumulator: Array) -> Array:
    for start in range(0, left.shape[-1], _STEP):
        step = slice(start, start + _STEP)
        product = np.matmul(left[..., step], right[..., step, :])
        accumulator = (accumulator + product).astype(np.float16)
    return accumulator
