"""The seam between launching kernels and watching them.

A launch asks ``current`` where its tensors live and hands each memory operation to it. Without
a watcher, kernels use real addresses and stock Triton's loads and stores.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from grader.worker.interpreter.stock import TensorHandle


class Watcher(Protocol):
    """Takes the place of memory for all kernels."""

    def begin(self, kernel: str, grid: tuple[int, int, int]) -> None:
        """A kernel is about to run."""

    def address(self, tensor: Any, parameter: str) -> int:
        """The address that the kernel sees for a tensor argument."""

    def end(self) -> None:
        """The kernel has ended, normally or not."""

    def load(
        self,
        pointers: TensorHandle,
        mask: np.ndarray[Any, Any] | None,
        other: TensorHandle | None,
        volatile: bool,
    ) -> TensorHandle:
        """Read memory."""

    def store(
        self, pointers: TensorHandle, values: TensorHandle, mask: np.ndarray[Any, Any] | None
    ) -> None:
        """Write memory."""

    def atomic(
        self,
        perform: Callable[[TensorHandle, TensorHandle], TensorHandle],
        pointers: TensorHandle,
        mask: np.ndarray[Any, Any],
        semantic: Any,
        reads: bool,
    ) -> TensorHandle:
        """Let ``perform`` work on real addresses under a mask; returns what was there.

        ``reads`` says whether the new value depends on the old one.
        """

    def compare_and_swap(
        self,
        perform: Callable[[TensorHandle], TensorHandle],
        pointers: TensorHandle,
        expected: TensorHandle,
        semantic: Any,
    ) -> TensorHandle:
        """Let ``perform`` work on real addresses; returns what was there."""

    def forget(self, handle: TensorHandle) -> None:
        """The kernel does not use this result of an atomic."""

    def updated_in_place(self) -> bool:
        """Whether the last launch both read and wrote some tensor."""

    def was_rehearsal(self) -> None:
        """The last launch was a benchmark of the autotuner."""


current: Watcher | None = None
