"""Who else is on a GPU while something is measured on it, and whether they work there."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass

from grader.judge.timing import machine
from grader.judge.timing.machine import MachineState
from grader.sandbox.processes import descendants


@dataclass(frozen=True)
class Surroundings:
    """What was seen of a GPU beside a measurement.

    Attributes:
        before: The GPU before it.
        after: The GPU after it.
        others: How many processes of others were on it.
        at_work: How many of them used it meanwhile, or may have: the driver does not always tell.
    """

    before: MachineState | None = None
    after: MachineState | None = None
    others: int = 0
    at_work: int = 0

    @property
    def flags(self) -> list[str]:
        """What a reader of the measurement should know."""
        return machine.warnings(self.before, self.after, self.others)


class Watch:
    """Looks at a GPU when a measurement begins and when it ends; a context manager.

    What this process started is never somebody else's, whenever it started and ended: a submission
    that starts processes must not be able to excuse itself by them.
    """

    def __init__(self, gpu: str, own: Callable[[], set[int]]) -> None:
        """Name what is watched.

        Args:
            gpu: The driver's name of the GPU, ``"GPU-…"``.
            own: Gives the ids of the grader's processes that are on it.
        """
        self._gpu = gpu
        self._own = own
        self._ours: set[int] = set()
        self._looks: list[tuple[MachineState | None, set[int]]] = []
        self._since_us = 0

    def __enter__(self) -> Watch:
        """Look before."""
        self._since_us = time.time_ns() // 1000
        self._look()
        return self

    def __exit__(self, *_: object) -> None:
        """Look after."""
        self._look()

    def seen(self, contended: bool = False) -> Surroundings:
        """What was seen, once the measurement has ended.

        Args:
            contended: Whether another grading is known to measure at the same time.
        """
        (before, own_before), (after, own_after) = self._looks
        others = max(
            machine.others(before, own_before, self._ours),
            machine.others(after, own_after, self._ours),
        )
        at_work = others
        # The list is to be trusted if it has those who certainly worked.
        if after and after.working and own_after & set(after.working):
            at_work = len(set(after.working) - self._ours)
        return Surroundings(before, after, others, max(at_work, int(contended)))

    def _look(self) -> None:
        # Before the driver is asked and after: it may tell of one that ends, or begins, meanwhile.
        own = self._notice()
        state = machine.snapshot(self._gpu, self._since_us)
        self._notice()
        self._looks.append((state, own))

    def _notice(self) -> set[int]:
        own = self._own()
        self._ours |= own | descendants(os.getpid())
        return own
