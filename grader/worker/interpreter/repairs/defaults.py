"""What a masked load gives where its mask is false."""

from __future__ import annotations

from typing import Any

import triton.language as tl
from triton.language.semantic import TritonSemantic


class Defaults(TritonSemantic[Any]):  # type: ignore[misc]
    """A masked load of one number takes its ``other`` also where that is zero.

    Triton asks ``if other`` to see whether it was given. A compiled tensor is always true, an
    interpreted number 0 is not: the lane would keep what nobody set.
    """

    def load(self, ptr: Any, mask: Any, other: Any, *advice: Any) -> Any:
        """As Triton's; see the class."""
        if other is not None and not ptr.type.is_block() and not other.type.is_block():
            element = ptr.type.scalar.element_ty
            other = self.cast(other, tl.int8 if element == tl.int1 else element)
            other = _Given(other.handle, other.type)
        return super().load(ptr, mask, other, *advice)


class _Given(tl.tensor):  # type: ignore[misc]
    """A tensor that is there, whatever its value."""

    def __bool__(self) -> bool:
        return True
