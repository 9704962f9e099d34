"""Tensor arguments of a launch, and the lanes of an access that go to one of them.

Owns the way from an address to an element of an argument, to the words of its storage, and to
the notes on them.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
import torch

from grader.worker.interpreter.findings import Kind, TensorTraffic
from grader.worker.interpreter.sanitizer.allocations import Allocation, Array, Index
from grader.worker.interpreter.sanitizer.initialised import registry
from grader.worker.interpreter.sanitizer.reporter import Fault, Program
from grader.worker.interpreter.sanitizer.traffic import Counter
from grader.worker.interpreter.sanitizer.views import View


class Argument:
    """A tensor argument: its view, its storage, its traffic."""

    def __init__(self, view: View, allocation: Allocation, counter: Counter) -> None:
        self.view = view
        self.allocation = allocation
        self.counter = counter


class Tensors:
    """All tensor arguments of a launch."""

    def __init__(self) -> None:
        self._arguments: list[Argument] = []
        self._allocations: dict[int, Allocation] = {}
        self._storages: list[torch.UntypedStorage] = []
        self._is_open = False

    def add(self, tensor: torch.Tensor, parameter: str) -> int:
        """Register an argument; returns the address that the kernel sees."""
        storage = tensor.untyped_storage()
        itemsize = tensor.element_size()
        allocation = self._allocations.get(storage._cdata)
        if allocation is None:
            allocation = Allocation(storage.data_ptr(), storage.nbytes())
            self._allocations[storage._cdata] = allocation
            self._storages.append(storage)
        allocation.unit = min(allocation.unit, itemsize)
        allocation.views += 1
        view = View(
            parameter,
            len(self._arguments),
            tensor.data_ptr(),
            int(tensor.storage_offset()) * itemsize,
            tensor.shape,
            tensor.stride(),
            itemsize,
        )
        counter = Counter(view, str(tensor.dtype).removeprefix("torch."))
        self._arguments.append(Argument(view, allocation, counter))
        return view.base

    def get(self, number: int) -> Argument | None:
        """The argument of a window."""
        if not self._is_open:
            self._open()
        return self._arguments[number] if 0 <= number < len(self._arguments) else None

    def _open(self) -> None:
        """The kernel accesses memory: no argument will be added any more."""
        for storage in self._storages:
            allocation = self._allocations[storage._cdata]
            known = registry.flags(storage, allocation.unit)
            if known is not None:
                allocation.initialised, allocation.unit = known
            allocation.open()
        self._is_open = True

    def traffic(self) -> tuple[TensorTraffic, ...]:
        """What each argument cost."""
        return tuple(argument.counter.result(argument.allocation) for argument in self._arguments)

    def updated_in_place(self) -> bool:
        """Whether a storage was both read and written."""
        return any(argument.counter.atomics for argument in self._arguments) or any(
            allocation.was_read and allocation.was_written
            for allocation in self._allocations.values()
        )


class Lanes:
    """Lanes of one access that go to the same argument.

    Args:
        argument: Where they go.
        numbers: Which lanes of the block they are; None for all, in order.
        addresses: The address of each, as the kernel sees it.
        nbytes: Bytes that each accesses.
    """

    def __init__(
        self, argument: Argument, numbers: Array | None, addresses: Array, nbytes: int
    ) -> None:
        self.argument = argument
        self.numbers = numbers
        self._addresses = addresses
        self._nbytes = nbytes

    @property
    def count(self) -> int:
        """How many."""
        return self._addresses.size

    @cached_property
    def _offsets(self) -> Array:
        """Bytes from the view's first element."""
        return self._addresses.view(np.int64) - self.argument.view.base

    @cached_property
    def _in_storage(self) -> Array:
        """Bytes from the beginning of the storage."""
        return self._offsets + self.argument.view.start

    def outside(self) -> Array | None:
        """Lanes that leave the view; None if there are none."""
        view = self.argument.view
        if view.dense and not view.empty:
            low, high = int(self._addresses.min()), int(self._addresses.max())
            if view.base <= low and high + self._nbytes <= view.base + view.nbytes:
                return None
        faulty = view.outside(self._offsets, self._nbytes)
        return faulty if faulty.any() else None

    def misaligned(self) -> Array | None:
        """Lanes whose address is no multiple of their size; None if there are none."""
        view = self.argument.view
        if view.aligned and self._nbytes <= view.itemsize:
            return None
        faulty = self._addresses % np.uint64(self._nbytes) != 0
        return faulty if faulty.any() else None

    def without(self, faulty: Array) -> Lanes:
        """The other lanes."""
        numbers = np.arange(self.count) if self.numbers is None else self.numbers
        return Lanes(self.argument, numbers[~faulty], self._addresses[~faulty], self._nbytes)

    def fault(self, kind: Kind, faulty: Array, other: Program | None = None) -> Fault:
        """What is wrong with some of the lanes."""
        first = self.element(int(np.argmax(faulty)))
        return Fault(kind, int(np.count_nonzero(faulty)), first, other)

    @property
    def selection(self) -> Index:
        """The lanes' places in the block, flattened."""
        return slice(None) if self.numbers is None else self.numbers

    def element(self, lane: int) -> int:
        """Element that a lane accesses, counted from the view's first."""
        return int(self._offsets[lane]) // self.argument.view.itemsize

    def storage_offset(self) -> int:
        """Bytes from the beginning of the storage, of a single lane."""
        return int(self._in_storage[0])

    def real_addresses(self) -> Array:
        """Addresses in this process."""
        return (self._in_storage + self.argument.allocation.address).view(np.uint64)

    @cached_property
    def words(self) -> Array:
        """The storage, as integers of the accessed size."""
        return self.argument.allocation.words(self._nbytes)[0]

    @cached_property
    def where(self) -> Index:
        """The accessed places of ``words``: a slice if they follow each other."""
        lead = self.argument.allocation.words(self._nbytes)[1]
        return _run((self._in_storage - lead) >> (self._nbytes.bit_length() - 1))

    @cached_property
    def places(self) -> Index:
        """The notes on what is accessed; several a lane if it covers several units."""
        allocation = self.argument.allocation
        same = allocation.unit == self._nbytes and allocation.address % self._nbytes == 0
        if same and not allocation.is_large:
            return self.where
        units = allocation.units(self._in_storage, self._nbytes)
        return allocation.noted(units) if allocation.is_large else _run(units)

    @property
    def exact(self) -> bool:
        """Whether the notes are as fine as the accesses; else they prove no race."""
        return self._nbytes >= self.argument.allocation.unit

    def by_lane(self, flags: Array) -> Array:
        """Flags of places as flags of lanes."""
        return np.asarray(flags.reshape(self.count, -1).any(axis=1))

    def by_place(self, flags: Array) -> Array:
        """Flags of lanes as flags of places."""
        return np.repeat(flags, max(1, self._nbytes // self.argument.allocation.unit))


def _run(indices: Array) -> Index:
    """Ascending neighbours as a slice, which numpy reads and writes many times faster."""
    first, last = int(indices[0]), int(indices[-1])
    if last - first != indices.size - 1:
        return indices
    if indices.size > 2 and not (indices[1:] - indices[:-1] == 1).all():
        return indices
    return slice(first, last + 1)
