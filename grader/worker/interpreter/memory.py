"""Loads, stores and atomics: handed to the watcher if there is one, else done by stock Triton."""

from __future__ import annotations

from typing import Any

import numpy as np

from grader.worker.interpreter.stock import InterpreterBuilder, TensorHandle, stock
from grader.worker.interpreter.watch import Watcher


def _lanes(mask: Any) -> np.ndarray[Any, Any]:
    """A mask as booleans; descriptors give plain arrays in Triton up to 3.8."""
    return np.asarray(mask.data)


class MemoryOperations(InterpreterBuilder):
    """Where an operation on memory finds its watcher."""

    watcher: Watcher | None = None

    def create_load(self, ptr: TensorHandle, *hints: Any) -> TensorHandle:
        """``tl.load`` without a mask."""
        if self.watcher is None:
            return super().create_load(ptr, *hints)
        return self.watcher.load(ptr, None, None, bool(hints[-1]))

    def create_masked_load(
        self, ptrs: TensorHandle, mask: Any, other: Any, *hints: Any, **named: Any
    ) -> TensorHandle:
        """``tl.load`` with a mask, and loads through descriptors."""
        if self.watcher is None:
            return super().create_masked_load(ptrs, mask, other, *hints, **named)
        volatile = named.get("is_volatile", hints[-1] if hints else False)
        return self.watcher.load(ptrs, _lanes(mask), other, bool(volatile))

    def create_store(self, ptr: TensorHandle, val: TensorHandle, *hints: Any) -> None:
        """``tl.store`` without a mask."""
        if self.watcher is None:
            super().create_store(ptr, val, *hints)
        else:
            self.watcher.store(ptr, val, None)

    def create_masked_store(
        self, ptrs: TensorHandle, value: TensorHandle, mask: Any, *hints: Any, **named: Any
    ) -> None:
        """``tl.store`` with a mask, and stores through descriptors."""
        if self.watcher is None:
            super().create_masked_store(ptrs, value, mask, *hints, **named)
        else:
            self.watcher.store(ptrs, value, _lanes(mask))

    def create_atomic_rmw(
        self, op: Any, ptr: TensorHandle, val: TensorHandle, mask: Any, sem: Any, scope: Any
    ) -> TensorHandle:
        """``tl.atomic_add`` and its kind."""
        stock_atomic = super().create_atomic_rmw

        def perform(pointers: TensorHandle, lanes: TensorHandle) -> TensorHandle:
            return stock_atomic(op, pointers, val, lanes, sem, scope)

        if self.watcher is None:
            return perform(ptr, mask)
        reads = op != stock._ir.ATOMIC_OP.XCHG
        return self.watcher.atomic(perform, ptr, _lanes(mask), sem, reads)

    def create_atomic_cas(
        self, ptr: TensorHandle, cmp: TensorHandle, val: TensorHandle, sem: Any, scope: Any
    ) -> TensorHandle:
        """``tl.atomic_cas``."""
        stock_cas = super().create_atomic_cas

        def perform(pointers: TensorHandle) -> TensorHandle:
            return stock_cas(pointers, cmp, val, sem, scope)

        if self.watcher is None:
            return perform(ptr)
        return self.watcher.compare_and_swap(perform, ptr, cmp, sem)
