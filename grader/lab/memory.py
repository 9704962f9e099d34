"""The most memory that a call holds at a time, beyond what it was given.

On a GPU the allocator's own count. Without one, the tensors that torch operations make are
followed until they are freed; nothing of this is timed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._pytree import tree_leaves

from grader.lab.device import on_gpu
from grader.worker.dispatch import DispatchMode
from grader.worker.interpreter import watch

_Reference: Any = StorageWeakRef


def peak_memory(call: Callable[[], Any]) -> int:
    """Bytes that a call allocates and holds at the same time at most, its result included.

    Args:
        call: Run twice on a GPU, so that compiling and tuning do not count.
    """
    return _on_gpu(call) if on_gpu else _on_cpu(call)


def _on_gpu(call: Callable[[], Any]) -> int:
    call()
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    call()
    torch.cuda.synchronize()
    return torch.cuda.max_memory_allocated() - before


def _on_cpu(call: Callable[[], Any]) -> int:
    with _Allocations() as seen:
        call()
    peak: int = seen.peak
    return peak


class _Allocations(DispatchMode):  # type: ignore[no-untyped-call]
    """Follows the storages that operations make."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.peak = 0
        self._alive: dict[int, tuple[Any, int]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operation; whatever of its result was not there before is new."""
        given = {key(each) for each in _tensors((args, kwargs))}
        result = func(*args, **(kwargs or {}))
        tracer: Any = watch.current
        if tracer is not None and tracer.running:
            return result  # the interpreter's own tensors
        self._alive = {k: (ref, n) for k, (ref, n) in self._alive.items() if not ref.expired()}
        for made in _tensors(result):
            if key(made) not in given:
                storage = made.untyped_storage()
                self._alive[key(made)] = _Reference(storage), storage.nbytes()
        self.peak = max(self.peak, sum(nbytes for _, nbytes in self._alive.values()))
        return result


def key(tensor: torch.Tensor) -> int:
    """What tensors that share memory have in common."""
    return int(tensor.untyped_storage()._cdata)


def _tensors(values: Any) -> list[torch.Tensor]:
    return [each for each in tree_leaves(values) if isinstance(each, torch.Tensor)]
