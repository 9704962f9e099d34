"""How much each tensor argument costs: elements, bytes, and how well lanes sit together."""

from __future__ import annotations

from typing import Any

import numpy as np

from grader.worker.interpreter.findings import TensorTraffic
from grader.worker.interpreter.sanitizer.allocations import Allocation, Array, Index
from grader.worker.interpreter.sanitizer.views import View

_WARP = 32
_SECTOR_BYTES = 32

# Programs access memory in the same pattern: after this many accesses, one in so many counts.
_SAMPLED_FIRST, _SAMPLED_EVERY = 32, 16

_LOADED, _STORED = np.uint8(1), np.uint8(2)


class Counter:
    """Traffic of one argument in one launch."""

    def __init__(self, view: View, dtype: str) -> None:
        self._view = view
        self._dtype = dtype
        self.loads = self.stores = self.atomics = 0
        self._bytes_loaded = self._bytes_stored = 0
        self._accesses = 0
        self._fewest_sectors = self._sectors = 0
        # Needed only where another argument shares the storage.
        self._seen: Array | None = None

    def load(self, lanes: int, nbytes: int) -> None:
        """Lanes loaded elements."""
        self.loads += lanes
        self._bytes_loaded += lanes * nbytes

    def store(self, lanes: int, nbytes: int, *, atomic: bool = False) -> None:
        """Lanes stored elements."""
        self.stores += lanes
        self.atomics += lanes if atomic else 0
        self._bytes_stored += lanes * nbytes

    def see(self, allocation: Allocation, places: Index, *, stored: bool) -> None:
        """Remember which elements this argument touched, where the storage does not say."""
        if allocation.views < 2:
            return
        size = max(allocation.readers.size, allocation.writers.size)
        if self._seen is None:
            self._seen = np.zeros(size, dtype=np.uint8)
        elif self._seen.size < size:
            self._seen = np.concatenate(
                [self._seen, np.zeros(size - self._seen.size, dtype=np.uint8)]
            )
        self._seen[places] |= _STORED if stored else _LOADED

    def sectors(self, pointers: Array, mask: Array | None, nbytes: int) -> None:
        """Count the sectors that neighbouring lanes touch."""
        self._accesses += 1
        if self._accesses > _SAMPLED_FIRST and self._accesses % _SAMPLED_EVERY:
            return
        addresses = _in_lane_order(pointers, mask, nbytes)
        full = addresses.size // _WARP * _WARP
        for warps in (addresses[:full].reshape(-1, _WARP), addresses[full:].reshape(1, -1)):
            if warps.size:
                fewest = -(-warps.shape[1] * nbytes // _SECTOR_BYTES)
                self._fewest_sectors += len(warps) * fewest
                self._sectors += _touched_sectors(warps)

    def result(self, allocation: Allocation) -> TensorTraffic:
        """The totals."""
        loaded, stored = self._unique(allocation)
        itemsize = self._view.itemsize
        per_element = self._bytes_loaded / (loaded * allocation.unit) if loaded else 0.0
        efficiency = min(1.0, self._fewest_sectors / self._sectors) if self._sectors else None
        return TensorTraffic(
            parameter=self._view.parameter,
            shape=self._view.shape,
            dtype=self._dtype,
            loads=self.loads,
            unique_loads=loaded * allocation.unit // itemsize,
            reads_per_element=round(per_element, 4),
            stores=self.stores,
            unique_stores=stored * allocation.unit // itemsize,
            atomics=self.atomics,
            bytes_loaded=self._bytes_loaded,
            bytes_stored=self._bytes_stored,
            sector_efficiency=None if efficiency is None else round(efficiency, 4),
        )

    def _unique(self, allocation: Allocation) -> tuple[int, int]:
        if allocation.views < 2:
            return (
                int(np.count_nonzero(allocation.readers)) if self.loads else 0,
                int(np.count_nonzero(allocation.writers)) if self.stores else 0,
            )
        if self._seen is None:
            return 0, 0
        return (
            int(np.count_nonzero(self._seen & _LOADED)),
            int(np.count_nonzero(self._seen & _STORED)),
        )


def _in_lane_order(pointers: Array, mask: Array | None, nbytes: int) -> Array:
    """Active addresses, the axis that the compiler would give to neighbouring lanes last."""
    for axis in range(pointers.ndim - 1, -1, -1):
        if pointers.shape[axis] > 1:
            first = pointers[(0,) * axis + (slice(2),) + (0,) * (pointers.ndim - axis - 1)]
            if int(first[1]) - int(first[0]) == nbytes:
                pointers = np.moveaxis(pointers, axis, -1)
                mask = mask if mask is None else np.moveaxis(mask, axis, -1)
                break
    addresses: Any = pointers.reshape(-1) if mask is None else pointers[mask]
    return np.asarray(addresses)


def _touched_sectors(warps: Array) -> int:
    sectors = np.sort(warps // np.uint64(_SECTOR_BYTES), axis=1)
    return len(sectors) + int(np.count_nonzero(sectors[:, 1:] != sectors[:, :-1]))
