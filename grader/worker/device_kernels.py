"""What a GPU ran during a call, by the names that its driver reports.

Sees what no hook in Python sees: replayed graphs, libraries called past torch, other threads.
Uses the profiler below ``torch.profiler``, whose first use costs seconds where this one costs
milliseconds. Where a version of torch has it no more, nothing is reported.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch._C._autograd import DeviceType

from grader.protocol.notes import LONGEST_KERNEL, MOST_KERNELS

_synchronize = torch.cuda.synchronize

try:
    from torch._C._autograd import _disable_profiler, _enable_profiler, _prepare_profiler
    from torch._C._profiler import (
        ProfilerActivity,
        ProfilerConfig,
        ProfilerState,
        _ExperimentalConfig,
    )
except ImportError:  # private names: evidence is worth no failure
    _enable_profiler = None  # type: ignore[assignment]


@contextmanager
def kernels_on_device(device: torch.device) -> Iterator[list[str]]:
    """Note the kernels and copies that run on a GPU inside.

    Args:
        device: Where the call runs; nothing is noted on a CPU.

    Yields:
        Their names, each once; filled when the context ends.
    """
    names: list[str] = []
    if device.type != "cuda" or _enable_profiler is None:
        yield names
        return
    activities = {ProfilerActivity.CUDA}
    config = ProfilerConfig(
        ProfilerState.KINETO, False, False, False, False, False, _ExperimentalConfig()
    )
    _prepare_profiler(config, activities)
    _enable_profiler(config, activities)
    try:
        yield names
    finally:
        try:
            _synchronize(device)
        finally:
            result = _disable_profiler()
        names += _names(result)


def _names(result: Any) -> list[str]:
    found: dict[str, None] = {}
    for event in result.events():
        if event.device_type() == DeviceType.CUDA:
            found.setdefault(event.name()[:LONGEST_KERNEL])
    return list(found)[:MOST_KERNELS]
