"""Shared host memory for tensors: a memfd per slot, sealed, owned by the judge.

A slot's size is sealed at creation: a worker that truncated it would otherwise kill the judge
with SIGBUS at its next access. The worker may write into a slot at any time, so the judge
copies what it wants to judge to private memory first and never reads a slot twice.
"""

from __future__ import annotations

import fcntl
import mmap
import os
from typing import Any

import torch

# Tensors start at multiples of this, so that copies are aligned on every device.
ALIGNMENT = 256

_SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL


def aligned(nbytes: int) -> int:
    """``nbytes`` rounded up to the alignment of tensors in a slot."""
    return -(-nbytes // ALIGNMENT) * ALIGNMENT


class Slot:
    """One block of shared host memory.

    Attributes:
        capacity: Size in bytes.
        descriptor: The memfd, to be sent to the peer.
    """

    def __init__(self, descriptor: int) -> None:
        """Map the memfd ``descriptor``, whose ownership passes to the slot."""
        self.descriptor = descriptor
        self.capacity = os.fstat(descriptor).st_size
        self._map = mmap.mmap(descriptor, self.capacity)
        self._bytes: torch.Tensor | None = torch.frombuffer(self._map, dtype=torch.uint8)

    @classmethod
    def create(cls, capacity: int, name: str) -> Slot:
        """Make a slot of at least ``capacity`` bytes whose size nobody can change."""
        descriptor = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(descriptor, max(aligned(capacity), mmap.PAGESIZE))
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _SEALS)
        return cls(descriptor)

    def bytes(self, offset: int, nbytes: int) -> torch.Tensor:
        """A uint8 view of part of the slot.

        Raises:
            ValueError: The part does not lie inside the slot.
        """
        if self._bytes is None or offset < 0 or nbytes < 0 or offset + nbytes > self.capacity:
            raise ValueError(f"bytes {offset}..{offset + nbytes} of a slot of {self.capacity}")
        return self._bytes[offset : offset + nbytes]

    def close(self) -> None:
        """Close; the mapping goes with the last view that was handed out."""
        # Not unmapped here: torch does not lock the buffer, so a view that is still alive
        # would point to nothing.
        self._bytes = None
        del self._map
        os.close(self.descriptor)

    def __enter__(self) -> Slot:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()
