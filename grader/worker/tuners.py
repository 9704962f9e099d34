"""Kernels whose configuration an autotuner chooses, by timings of its own."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

from triton.runtime.autotuner import Autotuner


def forget_choices(module: ModuleType) -> bool:
    """Have the autotuned kernels of a module choose anew when they are launched next.

    What was chosen while others worked on the same GPU rests on disturbed timings. The
    configurations stay compiled.

    Returns:
        Whether there is something to choose.
    """
    forgotten = False
    for tuner in _autotuners(module):
        forgotten = forgotten or len(tuner.configs) > 1
        tuner.cache.clear()
    return forgotten


def _autotuners(module: ModuleType) -> Iterator[Autotuner]:
    """Those of kernels that the module names, also behind heuristics."""
    for kernel in [*vars(module).values()]:
        decorated = kernel
        while decorated is not None and type(decorated).__module__.startswith("triton."):
            if isinstance(decorated, Autotuner):
                yield decorated
            decorated = getattr(decorated, "__dict__", {}).get("fn")
