"""Whether two programs may touch the same element in one launch.

Programs of a launch run in no defined order, so an element that one program writes may be
touched by another only if both do it atomically, or if a lock or counter puts one before the
other. Owns that order as far as a sequential execution shows it; in doubt there is no race.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from grader.worker.interpreter.sanitizer.allocations import (
    MANY,
    MANY_ATOMICS,
    Allocation,
    Array,
    Index,
)

# Attempts at one lock, with nothing in between, after which nobody will release it any more:
# all earlier programs have ended.
_ENDLESS = 2000


class Ordering:
    """Which earlier programs the current one is known to come after.

    A scalar integer atomic whose result is used orders: what its program did before it comes
    before what any program does after a later atomic on the same element. Floating-point sums
    and atomics on blocks order nothing: their results are data.
    """

    def __init__(self) -> None:
        self._program = 0
        self._before: set[int] = set()
        self._released: dict[tuple[int, int], set[int]] = {}
        self._pending: tuple[Any, frozenset[int]] | None = None
        self._attempts: tuple[int, int] = (0, 0)

    @property
    def is_ordered(self) -> bool:
        """Whether the current program is known to come after any other."""
        return bool(self._before)

    def enter(self, program: int) -> None:
        """A program accesses memory: whatever atomic it did before has taken effect."""
        if program != self._program:
            self._program, self._pending = program, None
            self._before = set()
        elif self._pending is not None:
            self._before |= self._pending[1]
            self._pending = None

    def synchronise(
        self, key: tuple[int, int], result: Any, *, acquires: bool, releases: bool
    ) -> None:
        """The current program did an atomic on an element, and got a result."""
        released = self._released.setdefault(key, set())
        if acquires and released:
            self._pending = (result, frozenset(released))
        if releases:
            released |= self._before | {self._program}

    def forget(self, result: Any) -> None:
        """The program does not look at this result, so it waits for nobody."""
        if self._pending is not None and self._pending[0] is result:
            self._pending = None

    def comes_after(self, programs: Array) -> Array:
        """Which programs are known to have done their part before the current one."""
        if not self._before:
            return np.zeros(programs.shape, dtype=np.bool_)
        return np.isin(programs, list(self._before))

    def attempted(self, address: int, succeeded: bool) -> None:
        """The program tried to take a lock.

        Raises:
            RuntimeError: It tries for ever.
        """
        last, times = self._attempts
        self._attempts = (address, times + 1 if last == address and not succeeded else 0)
        if self._attempts[1] > _ENDLESS:
            raise RuntimeError(
                "this lock is never released: an earlier program took it with atomic_cas and "
                "ended without giving it back"
            )


def reads_after_write(
    allocation: Allocation, places: Index, program: int, ordering: Ordering
) -> tuple[Array, Array] | None:
    """Lanes that load what another program wrote, and the writers of all lanes."""
    if not allocation.was_written:
        return None
    writers = allocation.writers[places]
    racing = (writers != 0) & (writers != program) & (writers != -program)
    if ordering.is_ordered:
        racing &= writers != MANY_ATOMICS
    return _unordered(racing, np.abs(writers), ordering)


def note_read(allocation: Allocation, places: Index, program: int) -> None:
    """A program loads elements."""
    readers = allocation.readers[places]
    if allocation.was_read and readers.any():
        alone = (readers == 0) | (readers == program)
        allocation.readers[places] = np.where(alone, program, MANY)
    else:
        allocation.readers[places] = program
    allocation.was_read = True


def writes_after_write(
    allocation: Allocation, places: Index, program: int, ordering: Ordering, *, atomic: bool
) -> tuple[Array, Array] | None:
    """Lanes that write what another program wrote, not both atomically."""
    if not allocation.was_written:
        return None
    writers = allocation.writers[places]
    racing = (writers > 0) & (writers != program)
    if not atomic:
        racing |= (writers < 0) & (writers != -program)
        if ordering.is_ordered:
            racing &= writers != MANY_ATOMICS
    return _unordered(racing, np.abs(writers), ordering)


def writes_after_read(
    allocation: Allocation, places: Index, program: int, ordering: Ordering
) -> tuple[Array, Array] | None:
    """Lanes that write what another program loaded."""
    if not allocation.was_read:
        return None
    readers = allocation.readers[places]
    racing = (readers != 0) & (readers != program)
    if ordering.is_ordered:
        racing &= readers != MANY
    return _unordered(racing, readers, ordering)


def note_write(
    allocation: Allocation,
    places: Index,
    program: int,
    ordering: Ordering,
    *,
    atomic: bool,
) -> None:
    """A program stores to elements."""
    if atomic:
        # A plain store of the same program must stay visible to the others.
        before = allocation.writers[places]
        others = (before != 0) & (before != -program)
        after = np.where(others, MANY_ATOMICS, -program)
        allocation.writers[places] = np.where(before == program, program, after)
    else:
        allocation.writers[places] = program
    allocation.was_written = True
    if allocation.was_read and ordering.is_ordered:
        # Those reads came before; who races with them races with this write too.
        readers = allocation.readers[places]
        allocation.readers[places] = np.where(readers != 0, program, 0)


def _unordered(racing: Array, others: Array, ordering: Ordering) -> tuple[Array, Array] | None:
    if not racing.any():
        return None
    if ordering.is_ordered:
        racing &= ~ordering.comes_after(others)
        if not racing.any():
            return None
    return racing, others
