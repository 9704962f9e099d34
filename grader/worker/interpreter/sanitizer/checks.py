"""What is checked about lanes that stay inside their view: order, and contents.

Looks at the notes of earlier accesses, reports what contradicts them, and adds its own.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from grader.worker.interpreter.findings import Kind
from grader.worker.interpreter.sanitizer import races
from grader.worker.interpreter.sanitizer.allocations import Array
from grader.worker.interpreter.sanitizer.arguments import Lanes
from grader.worker.interpreter.sanitizer.races import Ordering
from grader.worker.interpreter.sanitizer.reporter import Access, Program, Reporter
from grader.worker.interpreter.stock import stock

_ORDER = stock._ir.MEM_SEMANTIC
_ACQUIRES = (_ORDER.ACQUIRE, _ORDER.ACQUIRE_RELEASE)
_RELEASES = (_ORDER.RELEASE, _ORDER.ACQUIRE_RELEASE)


class Checks:
    """Checks of one launch.

    Args:
        reporter: Takes the findings.
        grid: Programs along each axis.
    """

    def __init__(self, reporter: Reporter, grid: Program) -> None:
        self._reporter = reporter
        self._grid = grid
        self.ordering = Ordering()
        self._program = 0

    def enter(self, program: Program) -> None:
        """A program is about to access memory."""
        x, y, z = program
        self._program = x + self._grid[0] * (y + self._grid[1] * z) + 1
        self.ordering.enter(self._program)

    def load(self, access: Access, lanes: Lanes, *, volatile: bool) -> None:
        """A load; a volatile one is a way to wait, not to get data, and races with nothing."""
        allocation, places = lanes.argument.allocation, lanes.places
        self._initialised(access, lanes)
        if not volatile:
            found = races.reads_after_write(allocation, places, self._program, self.ordering)
            self._race(Kind.READ_AFTER_WRITE_RACE, access, lanes, found)
            races.note_read(allocation, places, self._program)
        lanes.argument.counter.see(allocation, places, stored=False)

    def before_store(self, access: Access, lanes: Lanes, bits: Array) -> None:
        """A store that is about to happen; it races only if it changes memory."""
        allocation, places = lanes.argument.allocation, lanes.places
        overwritten = races.writes_after_write(
            allocation, places, self._program, self.ordering, atomic=False
        )
        read = races.writes_after_read(allocation, places, self._program, self.ordering)
        if overwritten is None and read is None:
            return
        changed = lanes.by_place(lanes.words[lanes.where] != bits)
        self._race(Kind.WRITE_WRITE_RACE, access, lanes, overwritten, changed)
        self._race(Kind.WRITE_AFTER_READ_RACE, access, lanes, read, changed)

    def after_store(self, access: Access, lanes: Lanes, bits: Array) -> None:
        """A store that has happened; memory must hold what each lane stored."""
        if not isinstance(lanes.where, slice):
            lost = lanes.words[lanes.where] != bits
            if lost.any():
                fault = lanes.fault(Kind.LANE_CONFLICT, lost)
                self._reporter.report(fault, access, lanes.argument.view)
        self._note_write(lanes, atomic=False)

    def before_atomic(self, access: Access, lanes: Lanes, *, reads: bool) -> None:
        """An atomic that is about to happen; ``reads`` if the old value matters."""
        allocation, places = lanes.argument.allocation, lanes.places
        if reads:
            self._initialised(access, lanes)
        overwritten = races.writes_after_write(
            allocation, places, self._program, self.ordering, atomic=True
        )
        read = races.writes_after_read(allocation, places, self._program, self.ordering)
        self._race(Kind.WRITE_WRITE_RACE, access, lanes, overwritten)
        self._race(Kind.WRITE_AFTER_READ_RACE, access, lanes, read)

    def after_atomic(self, lanes: Lanes, semantic: Any, result: Any) -> None:
        """An atomic that has happened; on a single integer it may put programs in order."""
        self._note_write(lanes, atomic=True)
        if lanes.count == 1 == result.data.size and result.data.dtype.kind in "iu":
            self.ordering.synchronise(
                (id(lanes.argument.allocation), lanes.storage_offset()),
                result,
                acquires=semantic in _ACQUIRES,
                releases=semantic in _RELEASES,
            )

    def _initialised(self, access: Access, lanes: Lanes) -> None:
        flags = lanes.argument.allocation.initialised
        if flags is None:
            return
        written = flags[lanes.places]
        if not written.all():
            fault = lanes.fault(Kind.UNINITIALISED, lanes.by_lane(~written))
            self._reporter.report(fault, access, lanes.argument.view)

    def _note_write(self, lanes: Lanes, *, atomic: bool) -> None:
        allocation, places = lanes.argument.allocation, lanes.places
        races.note_write(allocation, places, self._program, self.ordering, atomic=atomic)
        if allocation.initialised is not None:
            allocation.initialised[places] = True
        lanes.argument.counter.see(allocation, places, stored=True)

    def _race(
        self,
        kind: Kind,
        access: Access,
        lanes: Lanes,
        found: tuple[Array, Array] | None,
        changed: Array | None = None,
    ) -> None:
        """Report racing places, unless the notes are too coarse to prove it."""
        if found is None or not lanes.exact:
            return
        racing, others = found
        if changed is not None:
            racing = racing & changed
        if racing.any():
            other = int(others[int(np.argmax(racing))])
            fault = lanes.fault(kind, lanes.by_lane(racing), self._ids(other))
            self._reporter.report(fault, access, lanes.argument.view)

    def _ids(self, number: int) -> Program | None:
        """Program ids of a number; None if it stands for many."""
        if number <= 0:
            return None
        rest, x = divmod(number - 1, self._grid[0])
        z, y = divmod(rest, self._grid[1])
        return x, y, z
