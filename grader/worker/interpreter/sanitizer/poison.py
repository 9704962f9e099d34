"""What a lane holds that no value was loaded for.

On a GPU it is whatever the register held. Two patterns, so that a result that does not depend
on them can be told from one that does.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import triton.language as tl

from grader.worker.interpreter.sanitizer.allocations import Array
from grader.worker.interpreter.stock import numpy_dtype

# Bytes of integers, by variant.
_INTEGER_BYTE = (0x5A, 0xA5)

# Bit patterns of types that numpy does not have: NaN, and a large number of either sign.
_BITS = {
    tl.bfloat16.name: (0x7FC0, 0x7E5A, 0xFE5A),
    tl.float8e5.name: (0x7F, 0x78, 0xF8),
    tl.float8e4nv.name: (0x7F, 0x78, 0xF8),
}

_LARGE = {2: 6.0e4, 4: 1.5e16, 8: 1.5e16}


@lru_cache(maxsize=64)
def poison(size: int, dtype: Any, variant: int) -> Array:
    """A flat read-only block of values that nobody should use.

    Variant 0 is NaN or bytes 0x5A, variant 1 large numbers of alternating sign or bytes 0xA5.
    """
    kind = numpy_dtype(dtype)
    values = np.empty(size, dtype=kind)
    if dtype.name in _BITS:
        nan, positive, negative = _BITS[dtype.name]
        values[0::2], values[1::2] = (positive, negative) if variant else (nan, nan)
    elif kind.kind == "f":
        large = _LARGE[kind.itemsize] if variant else np.nan
        values[0::2], values[1::2] = large, -large
    elif kind.kind == "b":
        values[:] = not variant
    else:
        values.view(np.uint8)[:] = _INTEGER_BYTE[variant]
    values.flags.writeable = False
    return values
