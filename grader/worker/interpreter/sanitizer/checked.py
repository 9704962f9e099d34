"""The memory that kernels see while they are recorded.

Each lane's address says which argument it derives from. A lane that leaves its argument's view
is reported and left out; all others work on the tensors' own memory through numpy, so that a
faulty kernel can harm nothing. Owns the sequence of steps of each operation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
import triton.language as tl

from grader.worker.interpreter.builder import BUILDER
from grader.worker.interpreter.findings import Launch, Recording
from grader.worker.interpreter.sanitizer.allocations import Array
from grader.worker.interpreter.sanitizer.arguments import Lanes, Tensors
from grader.worker.interpreter.sanitizer.bounds import resolve
from grader.worker.interpreter.sanitizer.checks import Checks
from grader.worker.interpreter.sanitizer.poison import poison
from grader.worker.interpreter.sanitizer.reporter import Access, Program, Reporter
from grader.worker.interpreter.stock import TensorHandle, numpy_dtype

Perform = Callable[[TensorHandle, TensorHandle], TensorHandle]


class CheckedMemory:
    """A ``Watcher`` that records into a ``Recording``."""

    def __init__(self, recording: Recording, poison_variant: int) -> None:
        self._recording = recording
        self._poison = poison_variant
        self._reporter = Reporter(recording)
        self._grid: Program = (1, 1, 1)
        self._tensors = Tensors()
        self._checks = Checks(self._reporter, self._grid)
        self._updated = False
        # Where lanes of an atomic go that must go nowhere.
        self._nowhere = np.zeros(1, dtype=np.uint64)

    # One launch -------------------------------------------------------------------------------

    def begin(self, kernel: str, grid: Program) -> None:
        """Start anew."""
        self._reporter.kernel = kernel
        self._grid = grid
        self._checks = Checks(self._reporter, grid)

    def address(self, tensor: torch.Tensor, parameter: str) -> int:
        """Give an argument its window."""
        return self._tensors.add(tensor, parameter)

    def end(self) -> None:
        """Add the launch to the recording."""
        x, y, z = self._grid
        launch = Launch(self._reporter.kernel, self._grid, x * y * z, self._tensors.traffic())
        self._recording.launches.append(launch)
        self._updated = self._tensors.updated_in_place()
        self._tensors = Tensors()  # nothing keeps the kernel's tensors alive

    def updated_in_place(self) -> bool:
        """Whether the last launch both read and wrote some storage."""
        return self._updated

    def was_rehearsal(self) -> None:
        """The last launch was not the one that counts."""
        launches = self._recording.launches
        launches[-1] = replace(launches[-1], rehearsal=True)

    def forget(self, handle: TensorHandle) -> None:
        """The kernel does not look at an atomic's result."""
        self._checks.ordering.forget(handle)

    # Operations of kernels --------------------------------------------------------------------

    def load(
        self,
        pointers: TensorHandle,
        mask: Array | None,
        other: TensorHandle | None,
        volatile: bool,
    ) -> TensorHandle:
        """Read; lanes that read nothing hold ``other``, faulty ones poison."""
        access, mask, found = self._start("load", pointers, mask)
        for lanes in found:
            lanes.argument.counter.load(lanes.count, access.nbytes)
            lanes.argument.counter.sectors(pointers.data, mask, access.nbytes)
            self._checks.load(access, lanes, volatile=volatile)
        dtype = pointers.get_element_ty()
        return TensorHandle(self._gather(found, dtype, pointers.data.shape, mask, other), dtype)

    def store(self, pointers: TensorHandle, values: TensorHandle, mask: Array | None) -> None:
        """Write."""
        access, mask, found = self._start("store", pointers, mask)
        flat = np.broadcast_to(values.data, pointers.data.shape).reshape(-1)
        kind = numpy_dtype(pointers.get_element_ty())
        bits = flat.astype(kind, copy=False).view(f"u{access.nbytes}")
        for lanes in found:
            lanes.argument.counter.store(lanes.count, access.nbytes)
            lanes.argument.counter.sectors(pointers.data, mask, access.nbytes)
            own = bits if lanes.numbers is None else bits[lanes.numbers]
            self._checks.before_store(access, lanes, own)
            lanes.words[lanes.where] = own
            self._checks.after_store(access, lanes, own)

    def atomic(
        self, perform: Perform, pointers: TensorHandle, mask: Array, semantic: Any, reads: bool
    ) -> TensorHandle:
        """Read, change and write; ``reads`` says whether what was there matters."""
        access, _, found = self._start("atomic", pointers, mask)
        shape = pointers.data.shape
        real = np.full(pointers.data.size, self._nowhere.ctypes.data, dtype=np.uint64)
        active = np.zeros(pointers.data.size, dtype=np.bool_)
        for lanes in found:
            lanes.argument.counter.store(lanes.count, access.nbytes, atomic=True)
            self._checks.before_atomic(access, lanes, reads=reads)
            real[lanes.selection], active[lanes.selection] = lanes.real_addresses(), True
        result = perform(
            TensorHandle(real.reshape(shape), pointers.dtype),
            TensorHandle(active.reshape(shape), tl.int1),
        )
        for lanes in found:
            self._checks.after_atomic(lanes, semantic, result)
        return result

    def compare_and_swap(
        self,
        perform: Callable[[TensorHandle], TensorHandle],
        pointers: TensorHandle,
        expected: TensorHandle,
        semantic: Any,
    ) -> TensorHandle:
        """Write where memory holds what is expected."""
        everywhere = np.ones(pointers.data.shape, dtype=np.bool_)
        result = self.atomic(lambda real, _: perform(real), pointers, everywhere, semantic, True)
        if result.data.size == 1:
            took = bool((result.data == expected.data).all())
            self._checks.ordering.attempted(int(pointers.data.reshape(-1)[0]), took)
        return result

    # Steps ------------------------------------------------------------------------------------

    def _start(
        self, kind: str, pointers: TensorHandle, mask: Array | None
    ) -> tuple[Access, Array | None, list[Lanes]]:
        """Describe an access, drop a mask that is true everywhere, and find the lanes."""
        self._checks.enter(BUILDER.grid_idx)
        masked = "none"
        if mask is not None:
            masked = "all" if mask.all() else "some"
            mask = np.broadcast_to(mask, pointers.data.shape) if masked == "some" else None
        nbytes = max(1, pointers.get_element_ty().primitive_bitwidth // 8)
        access = Access(kind, nbytes, masked, BUILDER.grid_idx)
        return access, mask, resolve(access, pointers.data, mask, self._tensors, self._reporter)

    def _gather(
        self,
        found: list[Lanes],
        dtype: Any,
        shape: tuple[int, ...],
        mask: Array | None,
        other: TensorHandle | None,
    ) -> Array:
        kind = numpy_dtype(dtype)
        if len(found) == 1 and found[0].numbers is None:
            values: Array = found[0].words[found[0].where].view(kind).reshape(shape).copy()
            return values
        values = poison(int(np.prod(shape)), dtype, self._poison).copy()
        if mask is not None and other is not None:
            inactive = ~mask.reshape(-1)
            given = np.broadcast_to(other.data, shape).reshape(-1)
            values[inactive] = given[inactive]
        for lanes in found:
            values[lanes.selection] = lanes.words[lanes.where].view(kind)
        return values.reshape(shape)
