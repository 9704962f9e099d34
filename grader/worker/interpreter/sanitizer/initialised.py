"""Which memory was handed out by ``torch.empty`` and not written since.

Remembers it across launches, element by element, for as long as the storage lives. Kernels'
stores are noted by ``checked``; a torch dispatch mode notes what torch itself hands out and
writes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.multiprocessing.reductions import StorageWeakRef

from grader.worker.dispatch import DispatchMode
from grader.worker.interpreter.sanitizer.allocations import LARGE_BYTES, Array

# Entries of dead storages are dropped when there are this many.
_CROWDED = 64


class _Entry:
    """One storage: a flag for each ``unit`` bytes, true where written."""

    def __init__(self, storage: torch.UntypedStorage, unit: int) -> None:
        # Keeps the storage's identity, not its memory: no other storage gets the same key.
        self.storage = StorageWeakRef(storage)  # type: ignore[no-untyped-call]
        self.nbytes = storage.nbytes()
        self.unit = unit
        self.written: Array = np.ones(self.nbytes // unit, dtype=np.bool_)

    def is_dead(self) -> bool:
        """Whether the storage's memory has been freed."""
        return bool(self.storage.expired())  # type: ignore[no-untyped-call]

    def refine(self, unit: int) -> None:
        """Use at most ``unit`` bytes a flag."""
        if unit < self.unit:
            self.written = np.repeat(self.written, self.unit // unit)
            self.unit = unit

    def fill(self, tensor: torch.Tensor, value: bool) -> None:
        """Set the flags of a view's elements."""
        self.refine(tensor.element_size())
        scale = tensor.element_size() // self.unit
        start = tensor.storage_offset() * scale
        if tensor.is_contiguous():
            self.written[start : start + tensor.numel() * scale] = value
            return
        shape = (*tensor.shape, scale)
        strides = (*(stride * scale for stride in tensor.stride()), 1)
        np.lib.stride_tricks.as_strided(self.written[start:], shape, strides)[...] = value


class Registry:
    """All storages that hold, or may hold, memory that nobody wrote."""

    def __init__(self) -> None:
        self._entries: dict[int, _Entry] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def mark_uninitialised(self, tensor: torch.Tensor) -> None:
        """Nobody has written these elements."""
        storage = tensor.untyped_storage()
        if tensor.numel() == 0 or storage.nbytes() > LARGE_BYTES:
            return
        entry = self._find(storage)
        if entry is None:
            self._drop_dead()
            entry = self._entries[storage._cdata] = _Entry(storage, tensor.element_size())
        entry.fill(tensor, False)

    def mark_initialised(self, tensor: torch.Tensor) -> None:
        """Somebody has written these elements."""
        if not self._entries or tensor.numel() == 0:
            return
        entry = self._find(tensor.untyped_storage())
        if entry is not None:
            entry.fill(tensor, True)

    def flags(self, storage: torch.UntypedStorage, unit: int) -> tuple[Array, int] | None:
        """Flags of a storage and the bytes of each, at most ``unit``; None if all is written.

        Changes to the flags are changes to the registry.
        """
        entry = self._find(storage)
        if entry is None:
            return None
        if entry.written.all():
            del self._entries[storage._cdata]
            return None
        entry.refine(unit)
        return entry.written, entry.unit

    def _find(self, storage: torch.UntypedStorage) -> _Entry | None:
        entry = self._entries.get(storage._cdata)
        if entry is not None and entry.nbytes != storage.nbytes():  # resized: contents unknown
            del self._entries[storage._cdata]
            return None
        return entry

    def _drop_dead(self) -> None:
        if len(self._entries) >= _CROWDED:
            self._entries = {
                key: entry for key, entry in self._entries.items() if not entry.is_dead()
            }


registry = Registry()

_UNDEFINED = {
    f"aten::{name}"
    for name in ("empty", "empty_like", "empty_permuted", "empty_strided", "new_empty",
                 "new_empty_strided")
}  # fmt: skip


class AllocationMode(DispatchMode):
    """Notes tensors that torch hands out uninitialised, and what torch writes to them."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._written: dict[Any, list[tuple[int, str]]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the operation, then note what it did."""
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        if func._schema.name in _UNDEFINED:
            if isinstance(result, torch.Tensor) and _is_plain(result):
                registry.mark_uninitialised(result)
        elif len(registry):
            for position, name in self._written_arguments(func):
                value = args[position] if position < len(args) else kwargs.get(name)
                for tensor in value if isinstance(value, list | tuple) else [value]:
                    if isinstance(tensor, torch.Tensor) and _is_plain(tensor):
                        registry.mark_initialised(tensor)
        return result

    def _written_arguments(self, func: Any) -> list[tuple[int, str]]:
        if func not in self._written:
            self._written[func] = [
                (position, argument.name)
                for position, argument in enumerate(func._schema.arguments)
                if argument.alias_info is not None and argument.alias_info.is_write
            ]
        return self._written[func]


def _is_plain(tensor: torch.Tensor) -> bool:
    return tensor.device.type == "cpu" and tensor.layout == torch.strided
