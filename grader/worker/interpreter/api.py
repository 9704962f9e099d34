"""The functions that the rest of the program calls.

Owns the order of installation. Triton is imported inside these functions, never at the top: the
environment decides at that import whether ``@triton.jit`` is compiled or interpreted, and
``install`` has to have its say first.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING

from grader.worker.interpreter.findings import Recording
from grader.worker.interpreter.selftest_results import RepairCheck

if TYPE_CHECKING:
    import torch


def install() -> None:
    """Interpret all Triton kernels of this process from now on; calling it again does nothing.

    Kernels take CPU tensors and work on them in place. ``triton.runtime.driver.active`` becomes
    a stand-in whose torch device is the CPU. A Triton version that was never tried is tested
    on the spot and gives a warning.

    Raises:
        RuntimeError: Triton was imported with ``TRITON_INTERPRET`` set, so that its own library
            functions are already bound to the unrepaired interpreter.
    """
    if "triton" not in sys.modules:
        os.environ.pop("TRITON_INTERPRET", None)
    from grader.worker.interpreter import switch

    switch.activate()


@contextmanager
def record(*, poison: int = 0, track_allocations: bool = True) -> Iterator[Recording]:
    """Watch all launches inside the context.

    A faulty access is reported and left out, so that it harms neither this process nor any
    other tensor; the kernel goes on.

    Args:
        poison: What lanes without a defined value hold. 0: NaN, or bytes 0x5A for integers;
            1: huge finite numbers of alternating sign, or bytes 0xA5. A kernel whose result
            depends on it is wrong; NaN alone does not show that, since maxima ignore NaN.
        track_allocations: Learn from a torch dispatch mode which tensors are uninitialised
            (``torch.empty``) and which parts of them torch itself writes. Without it, only what
            ``mark_uninitialised`` and ``mark_initialised`` say is known.

    Yields:
        A recording that grows with each launch.

    Raises:
        RuntimeError: ``install`` was not called, or another recording is active.
    """
    from grader.worker.interpreter.sanitizer import session

    modes: AbstractContextManager[object] = (
        tracked_allocations() if track_allocations else nullcontext()
    )
    with session.recording(poison) as recording, modes:
        yield recording


def tracked_allocations() -> AbstractContextManager[object]:
    """A torch dispatch mode that notes what ``torch.empty`` gives out and what torch writes."""
    from grader.worker.interpreter.sanitizer.initialised import AllocationMode

    return AllocationMode()


def mark_uninitialised(tensor: torch.Tensor) -> None:
    """Declare that nobody has written this tensor's elements yet.

    Holds for exactly the elements of this view, until a kernel or ``mark_initialised`` writes
    them or the storage dies. Storages above 256 MiB are not tracked.
    """
    from grader.worker.interpreter.sanitizer.initialised import registry

    registry.mark_uninitialised(tensor)


def mark_initialised(tensor: torch.Tensor) -> None:
    """Declare that all elements of this view have been written."""
    from grader.worker.interpreter.sanitizer.initialised import registry

    registry.mark_initialised(tensor)


def self_test() -> list[RepairCheck]:
    """Try each repair against torch, in this process; installs the interpreter if need be."""
    install()
    from grader.worker.interpreter import selftest

    return selftest.run_all()
