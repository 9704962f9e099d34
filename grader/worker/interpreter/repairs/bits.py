"""bfloat16 as the interpreter keeps it: 16 bits in a uint16 array.

Owns the way to fp32 and back. Numpy has no bfloat16.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import triton.language as tl

from grader.worker.interpreter.stock import TensorHandle

Array = np.ndarray[Any, Any]

_QUIET_NAN = np.uint16(0x7FC0)


def is_bf16(handle: TensorHandle) -> bool:
    """Whether a handle holds bfloat16 values."""
    return handle.data.dtype == np.uint16 and bool(handle.dtype.scalar == tl.bfloat16)


def widened(bits: Array) -> Array:
    """bfloat16 bits as fp32 values, exactly."""
    return (bits.astype(np.uint32) << np.uint32(16)).view(np.float32)


def narrowed(values: Array) -> Array:
    """fp32 values as bfloat16 bits, rounded to nearest even."""
    # np.asarray keeps the memory order of broadcast and transposed blocks; view needs it plain.
    values = np.ascontiguousarray(values, dtype=np.float32).reshape(np.shape(values))
    bits = values.view(np.uint32)
    odd = (bits >> np.uint32(16)) & np.uint32(1)
    rounded = ((bits + (np.uint32(0x7FFF) + odd)) >> np.uint32(16)).astype(np.uint16)
    nan = np.isnan(values)
    if nan.any():
        rounded[nan] = _QUIET_NAN
    return rounded


def values_of(handle: TensorHandle) -> Array:
    """A handle's values in a type that numpy can compute with."""
    return widened(handle.data) if is_bf16(handle) else handle.data


def bf16_handle(values: Array) -> TensorHandle:
    """A handle of rounded fp32 values."""
    return TensorHandle(narrowed(values), tl.bfloat16)
