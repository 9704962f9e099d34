"""Whether the memory that kernels stored to is as they left it.

A checksum is taken when a kernel ends and compared before torch writes to the same memory, and
when the call ends. What changed in between was written by something that nobody watched. On a
CPU only: on a GPU the names of the kernels that ran tell of such a write, and a checksum would be
a kernel itself.
"""

from __future__ import annotations

import ctypes
import zlib
from collections.abc import Iterable
from typing import Any

import torch

# Larger storages are mostly untouched gaps between far strides.
_LARGEST_BYTES = 16 * 2**20


class Stamps:
    """The checksums of one run of one call, by storage."""

    def __init__(self) -> None:
        self._stamps: dict[int, tuple[torch.UntypedStorage, int]] = {}
        self._overwritten: set[int] = set()

    def take(self, tensors: Iterable[torch.Tensor]) -> None:
        """A kernel, or an operation within sight, has just written to these."""
        for storage in _storages(tensors):
            # The reference keeps the memory, so that no other storage gets the same key.
            self._stamps[storage._cdata] = storage, _checksum(storage)

    def renew(self, tensors: Iterable[torch.Tensor]) -> None:
        """Take the checksums again of those that have one."""
        self.take(one for one in tensors if _key(one) in self._stamps)

    def compare(self, tensors: Iterable[torch.Tensor]) -> None:
        """Remember which of these have changed since their checksum was taken."""
        for storage in _storages(tensors):
            kept = self._stamps.get(storage._cdata)
            if kept is not None and kept[1] != _checksum(storage):
                self._overwritten.add(storage._cdata)

    def was_overwritten(self, tensor: torch.Tensor) -> bool:
        """Whether that was found of a tensor's memory."""
        return _key(tensor) in self._overwritten


def _storages(tensors: Iterable[torch.Tensor]) -> Iterable[torch.UntypedStorage]:
    for tensor in tensors:
        if tensor.device.type == "cpu" and tensor.layout == torch.strided:
            storage = tensor.untyped_storage()
            if 0 < storage.nbytes() <= _LARGEST_BYTES:
                yield storage


def _key(tensor: torch.Tensor) -> Any:
    return next((storage._cdata for storage in _storages([tensor])), None)


def _checksum(storage: torch.UntypedStorage) -> int:
    return zlib.crc32((ctypes.c_char * storage.nbytes()).from_address(storage.data_ptr()))
