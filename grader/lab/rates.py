"""What was measured of several implementations over several sizes, and the rates that it means."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from grader.lab.machine import machine
from grader.lab.stored import Measured
from grader.lab.tables import Table
from grader.units import operations, quantity

Count = Callable[[Any], float]


@dataclass(frozen=True)
class Rates:
    """Times of several implementations over several sizes.

    Attributes:
        found: Where the figures come from, and as its value ``{name: {size: [median, low,
            high]}}`` in seconds.
        remarks: Why an implementation has no times, by its name.
        bytes_moved: The fewest bytes of a call by size; None if not asked for.
        flops: Operations of a call by size; None if not asked for.
        dtype: What products are computed in.
        xlabel: What the sizes count.
    """

    found: Measured
    remarks: Mapping[str, str]
    bytes_moved: Count | None
    flops: Count | None
    dtype: str
    xlabel: str

    @property
    def times(self) -> dict[str, dict[int, tuple[float, float, float]]]:
        """Median, a tenth faster, a tenth slower, in seconds; by name and size."""
        value: dict[str, dict[str, list[float]]] = (self.found.value or {}).get("times", {})
        return {
            name: {int(size): (each[0], each[1], each[2]) for size, each in by_size.items()}
            for name, by_size in value.items()
        }

    @property
    def sizes(self) -> list[int]:
        """All sizes that were measured."""
        return sorted({size for by_size in self.times.values() for size in by_size})

    @property
    def unit(self) -> str:
        """Of the rate that is shown."""
        if self.flops is not None:
            return operations(self.dtype)
        return "B/s" if self.bytes_moved is not None else "s"

    def rate(self, seconds: float, size: int) -> float:
        """Bytes or operations per second; the time itself if neither is counted."""
        count = self.flops or self.bytes_moved
        return seconds if count is None else count(size) / seconds

    @property
    def ceiling(self) -> float | None:
        """What this GPU, or the one of the stored figures, reaches at best; None for times."""
        if self.flops is not None:
            return machine().product_rate(self.dtype)
        return machine().copy_bytes_per_s if self.bytes_moved is not None else None

    def table(self) -> Table:
        """One line a size."""
        names = list(self.times)
        rows = [[f"{size:,}", *(self._cell(name, size) for name in names)] for size in self.sizes]
        told = " ".join([*self.remarks.values(), self.found.source])
        top = self.ceiling
        if top is not None and self.found.known:
            told += f" Ceiling: {quantity(top, self.unit)}."
        return Table([self.xlabel, *names], rows, note=told)

    def _cell(self, name: str, size: int) -> str:
        at = self.times[name].get(size)
        if at is None:
            return ""
        if self.unit == "s":
            return f"{at[0] * 1e6:.1f} µs"
        return quantity(self.rate(at[0], size), self.unit)

    def speedup(self, name: str, over: str, size: int | None = None) -> float | None:
        """How many times faster one is than another, at the largest size unless told."""
        at = size if size is not None else max(self.sizes, default=0)
        own, other = (self.times.get(each, {}).get(at) for each in (name, over))
        return None if own is None or other is None else other[0] / own[0]

    def __str__(self) -> str:
        return str(self.table())
