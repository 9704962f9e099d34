"""Atomic operations on types that the interpreter's C++ core does not know."""

from __future__ import annotations

from typing import Any

import numpy as np
import triton.language as tl

from grader.worker.interpreter.repairs.bits import Array, narrowed, widened
from grader.worker.interpreter.stock import InterpreterBuilder, TensorHandle, stock

_NO_HINTS = (None, None)


class Atomics(InterpreterBuilder):
    """``tl.atomic_add`` and its kind."""

    def create_atomic_rmw(
        self, op: Any, ptr: TensorHandle, val: TensorHandle, mask: Any, sem: Any, scope: Any
    ) -> TensorHandle:
        """bfloat16 sums round after each addition; stock up to 3.9 refuses them."""
        if val.dtype.scalar != tl.bfloat16 or op != stock._ir.ATOMIC_OP.FADD:
            return super().create_atomic_rmw(op, ptr, val, mask, sem, scope)
        shape = ptr.data.shape
        before = np.zeros(shape, dtype=np.uint16).reshape(-1)
        addresses = ptr.data.reshape(-1)
        values = np.broadcast_to(val.data, shape).reshape(-1)
        left = np.flatnonzero(np.broadcast_to(mask.data, shape))
        while left.size:  # one round for each time that an address comes again
            _, first = np.unique(addresses[left], return_index=True)
            lanes = left[first]
            before[lanes] = _add(addresses[lanes], values[lanes])
            left = np.delete(left, first)
        return TensorHandle(before.reshape(shape), tl.bfloat16)


def _add(addresses: Array, values: Array) -> Array:
    everywhere = np.ones(addresses.shape, dtype=np.bool_)
    nothing = np.zeros(addresses.shape, dtype=np.uint16)
    core = stock._interpreter
    before: Array = core.load(addresses, everywhere, nothing, np.dtype(np.uint16))
    core.store(addresses, narrowed(widened(before) + widened(values)), everywhere)
    return before
