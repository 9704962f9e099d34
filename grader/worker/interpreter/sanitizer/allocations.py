"""A storage during one launch: its memory, and which program touched which part of it.

Several arguments may share a storage; what happened to an element is noted once, here. Owns
the notes and how they stay small for storages of gigabytes. What a note means is up to
``races`` and ``initialised``.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Index = Array | slice

# Above this, notes are kept by page, and uninitialised memory is not tracked.
LARGE_BYTES = 256 * 1024 * 1024

_PAGE_BITS = 14
_PAGE = 1 << _PAGE_BITS

# In ``readers``: more than one program. In ``writers``: several programs, by atomics.
MANY = -1
MANY_ATOMICS = int(np.iinfo(np.int32).min)


class Allocation:
    """Memory of one storage, and notes on each unit of it (its smallest element).

    Attributes:
        unit: Bytes that share a note.
        readers: Program (counted from 1) that loaded a unit, ``MANY``, or 0 for none.
        writers: Program that stored to it last, negative if by an atomic, ``MANY_ATOMICS``,
            or 0 for none.
        initialised: Whether a unit was ever written; None if all were.
    """

    def __init__(self, address: int, nbytes: int) -> None:
        self.address = address
        self.nbytes = nbytes
        self.unit = 8
        self.views = 0
        self.was_read = False
        self.was_written = False
        self.initialised: Array | None = None
        self._words: dict[int, tuple[Array, int]] = {}
        self._pages: dict[int, int] | None = {} if nbytes > LARGE_BYTES else None
        self.readers = self.writers = np.zeros(0, dtype=np.int32)

    @property
    def is_large(self) -> bool:
        """Whether notes are kept by page."""
        return self._pages is not None

    def open(self) -> None:
        """All arguments are known: make room for notes."""
        if self._pages is None:
            units = -(-self.nbytes // self.unit)
            self.readers = np.zeros(units, dtype=np.int32)
            self.writers = np.zeros(units, dtype=np.int32)

    def words(self, nbytes: int) -> tuple[Array, int]:
        """Memory as unsigned integers of a size, and the byte offset of the first."""
        if nbytes not in self._words:
            lead = -self.address % nbytes
            count = max(0, self.nbytes - lead) // nbytes
            buffer = (ctypes.c_ubyte * (count * nbytes)).from_address(self.address + lead)
            self._words[nbytes] = np.ctypeslib.as_array(buffer).view(f"u{nbytes}"), lead
        return self._words[nbytes]

    def units(self, offsets: Array, nbytes: int) -> Array:
        """Units that accesses at byte offsets cover, all of them if an access covers several."""
        first = offsets // self.unit
        if nbytes > self.unit:
            first = (first[:, None] + np.arange(nbytes // self.unit)).reshape(-1)
        return first

    def noted(self, units: Array) -> Array:
        """Places of units in ``readers`` and ``writers``."""
        if self._pages is None:
            return units
        pages, within = np.unique(units >> _PAGE_BITS, return_inverse=True)
        slots = np.array([self._slot(int(page)) for page in pages], dtype=np.int64)
        places: Array = (slots[within.reshape(-1)] << _PAGE_BITS) + (units & (_PAGE - 1))
        return places

    def _slot(self, page: int) -> int:
        assert self._pages is not None
        slot = self._pages.setdefault(page, len(self._pages))
        if len(self._pages) * _PAGE > self.readers.size:
            room = np.zeros(max(_PAGE, self.readers.size), dtype=np.int32)
            self.readers = np.concatenate([self.readers, room])
            self.writers = np.concatenate([self.writers, room])
        return slot
