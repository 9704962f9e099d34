"""Interpreted launches on a machine with a GPU: on CPU copies, for as long as something watches.

The copies have the strides and the sharing of the originals; what a kernel wrote goes back.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from triton.tools.tensor_descriptor import TensorDescriptor


class Copies:
    """CPU copies of the GPU tensors of one launch, one a storage."""

    def __init__(self) -> None:
        self._storages: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}

    def of(self, value: Any) -> Any:
        """The copy that stands for a GPU tensor; anything else is its own."""
        if isinstance(value, TensorDescriptor):
            described = copy.copy(value)
            described.base = self.of(value.base)
            return described
        if not isinstance(value, torch.Tensor) or not value.is_cuda:
            return value
        storage = value.untyped_storage()
        if storage._cdata not in self._storages:
            original = torch.empty(0, dtype=torch.uint8, device=value.device).set_(storage)
            self._storages[storage._cdata] = original, original.cpu()
        memory = self._storages[storage._cdata][1].untyped_storage()
        empty = torch.empty(0, dtype=value.dtype)
        return empty.set_(memory, value.storage_offset(), value.shape, value.stride())

    def write_back(self) -> None:
        """Give the originals what their copies hold."""
        for original, stand_in in self._storages.values():
            original.copy_(stand_in)


@contextmanager
def interpreted() -> Iterator[None]:
    """Kernels are interpreted inside, compiled again after it."""
    from torch.utils._python_dispatch import _disable_current_modes
    from triton.runtime.jit import JITFunction

    from grader.worker.interpreter import switch

    was_active = switch.is_active()
    switch.activate()
    interpret = JITFunction.run

    def run(self: Any, *args: Any, grid: Any, warmup: bool, **kwargs: Any) -> Any:
        copies = Copies()
        with _disable_current_modes():  # whoever counts torch's operations must not see copies
            own = [copies.of(value) for value in args]
            named = {name: copies.of(value) for name, value in kwargs.items()}
        result = interpret(self, *own, grid=grid, warmup=warmup, **named)
        with _disable_current_modes():
            copies.write_back()
        return result

    JITFunction.run = run
    try:
        yield
    finally:
        JITFunction.run = interpret
        if not was_active:
            switch.deactivate()
