"""A tensor argument as a kernel sees it: a window of addresses, some of which are its elements.

Each argument gets a window of its own, far from all others, so that an address says which
argument it derives from and how far it strayed. Owns what is inside a view and how an index is
named. Knows nothing about storage contents.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

Offsets = np.ndarray[Any, np.dtype[np.int64]]
Flags = np.ndarray[Any, np.dtype[np.bool_]]

# A window is wide enough that an int32 overflow of 8-byte elements stays inside it.
WINDOW_BITS = 44
_MIDDLE = 1 << (WINDOW_BITS - 1)

# Alignment that a kernel can observe.
_VISIBLE_ALIGNMENT = 256

# Views with gaps and at most this many elements between first and last get a map of them.
_LARGEST_MAP = 1 << 24


class View:
    """One tensor argument.

    Args:
        parameter: Its name in the kernel.
        number: A different one for each argument of the launch.
        address: Real address of the first element.
        start: Bytes from the beginning of the storage to the first element.
        shape: Elements along each dimension.
        strides: Elements between neighbours along each dimension.
        itemsize: Bytes of an element.
    """

    def __init__(
        self,
        parameter: str,
        number: int,
        address: int,
        start: int,
        shape: Sequence[int],
        strides: Sequence[int],
        itemsize: int,
    ) -> None:
        self.parameter = parameter
        self.base = ((number + 1) << WINDOW_BITS) + _MIDDLE + address % _VISIBLE_ALIGNMENT
        self.start = start
        self.shape = tuple(shape)
        self.itemsize = itemsize
        self.aligned = address % itemsize == 0
        self.empty = 0 in self.shape
        # Dimensions that matter, from the outermost in memory to the innermost.
        self._walk = sorted(
            (
                (stride, size, axis)
                for axis, (stride, size) in enumerate(zip(strides, shape, strict=True))
                if size > 1 and stride > 0
            ),
            reverse=True,
        )
        extent = 1 + sum((size - 1) * stride for stride, size, _ in self._walk)
        self.elements = 0 if self.empty else extent
        self.nbytes = self.elements * itemsize
        self._map: Flags | None = None
        self.dense = self.empty or self._has_no_gaps()

    def _has_no_gaps(self) -> bool:
        """Whether all elements from first to last belong to the view.

        Overlapping rows that are too large to map count as such: no false alarm from them.
        """
        covered = 1
        gaps = False
        for stride, size, _ in reversed(self._walk):
            if stride < covered and self.elements > _LARGEST_MAP:
                return True
            gaps |= stride != covered
            covered = (size - 1) * stride + covered
        return not gaps

    def outside(self, offsets: Offsets, nbytes: int) -> Flags:
        """Which accesses of ``nbytes`` at byte offsets from the first element leave the view."""
        outside: Flags = (offsets < 0) | (offsets > self.nbytes - nbytes)
        if self.dense:
            return outside
        inside = np.flatnonzero(~outside)
        ends = [0, nbytes - 1] if nbytes > self.itemsize else [0]
        for end in ends:
            elements = (offsets[inside] + end) // self.itemsize
            outside[inside] |= ~self._holds(elements)
        return outside

    def _holds(self, elements: Offsets) -> Flags:
        if self.elements <= _LARGEST_MAP:
            if self._map is None:
                self._map = self._draw_map()
            inside: Flags = self._map[elements]
            return inside
        rest, valid = elements, np.ones(elements.shape, dtype=np.bool_)
        for stride, size, _ in self._walk:
            digit = rest // stride
            valid &= digit < size
            rest = rest - digit * stride
        valid &= rest == 0
        return valid

    def _draw_map(self) -> Flags:
        flags = np.zeros(self.elements, dtype=np.bool_)
        sizes = tuple(size for _, size, _ in self._walk)
        strides = tuple(stride for stride, _, _ in self._walk)
        np.lib.stride_tricks.as_strided(flags, sizes, strides)[...] = True
        return flags

    def multi_index(self, element: int) -> tuple[int, ...] | None:
        """Index along each dimension; the outermost one may be too large. None before the view."""
        if element < 0 or self.empty or not self.shape:
            return None
        index = [0] * len(self.shape)
        rest = element
        for stride, _, axis in self._walk:
            index[axis], rest = divmod(rest, stride)
        if not self._walk:
            index[-1], rest = rest, 0
        return tuple(index) if rest == 0 else None

    def valid_range(self) -> str:
        """The indices that exist."""
        if self.empty:
            return "nothing"
        ranges = [f"0..{size - 1}" if size > 1 else "0" for size in self.shape]
        if len(ranges) <= 1:
            return ranges[0] if ranges else "0"
        return f"[{', '.join(ranges)}]"

    def is_wrapped_int32(self, element: int) -> bool:
        """Whether an element outside is one inside, less a multiple of 2**32."""
        if self.elements <= 1 << 31:
            return False
        candidates = np.arange(element % (1 << 32), self.elements, 1 << 32, dtype=np.int64)
        candidates = candidates[candidates != element] * self.itemsize
        return bool((~self.outside(candidates, self.itemsize)).any())


def window(address: int) -> int:
    """Number of the argument that an address derives from; may be none's."""
    return (address >> WINDOW_BITS) - 1
