"""``tl.reduce`` and ``tl.associative_scan``.

Stock Triton up to 3.9 knows sums, maxima and minima; it combines anything else one element at a
time, thousands of times slower than here, where whole halves are combined. Its maxima warn
about rows of NaN, its fp16 sums are more exact than a GPU's, and bfloat16 is summed as bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import triton.language as tl

from grader.worker.interpreter.repairs.bits import Array, narrowed, widened
from grader.worker.interpreter.stock import TensorHandle

_LIBRARY = tl.standard


def _tensor(data: Array, dtype: Any) -> Any:
    if data.ndim == 0:
        return tl.tensor(TensorHandle(data.reshape(1), dtype), dtype)
    return tl.tensor(TensorHandle(data, dtype), tl.block_type(dtype, list(data.shape)))


def _number(value: Any) -> Any:
    return value.value if isinstance(value, tl.constexpr) else value


def reduce(input: Any, axis: Any, combine_fn: Any, keep_dims: Any = False, **_: Any) -> Any:
    """Combine all elements along an axis (all axes for None), neighbours first."""
    tensors = input if isinstance(input, tuple | tl.tuple) else (input,)
    types = [tensor.dtype.scalar for tensor in tensors]
    arrays = [tensor.handle.data for tensor in tensors]
    rank, axis = arrays[0].ndim, _number(axis)
    if axis is None:
        arrays, axis = [array.reshape(-1) for array in arrays], 0
    elif not -rank <= axis < rank:
        raise ValueError(f"axis {axis} is out of bounds for a block of {rank} dimensions")
    reduced = _known_reduction(arrays, types, axis % arrays[0].ndim, combine_fn)
    if reduced is None:
        reduced = _tree(arrays, types, axis % arrays[0].ndim, combine_fn)
    if _number(keep_dims):
        full = [1] * rank if arrays[0].ndim != rank else None
        reduced = [a.reshape(full) if full else np.expand_dims(a, axis) for a in reduced]
    results = tuple(map(_tensor, reduced, types))
    return results if isinstance(input, tuple | tl.tuple) else results[0]


def _known_reduction(
    arrays: Sequence[Array], types: Sequence[Any], axis: int, combine: Any
) -> list[Array] | None:
    """Reductions that numpy does in one call."""
    data = arrays[0]
    if combine is _LIBRARY._sum_combine and types[0] not in (tl.float16, tl.bfloat16):
        return [np.asarray(np.sum(data, axis=axis, dtype=data.dtype))]
    for function, ufunc in (
        (_LIBRARY._elementwise_max, np.fmax),
        (_LIBRARY._elementwise_min, np.fmin),
    ):
        if combine is function:
            if types[0] == tl.bfloat16:
                return [narrowed(np.asarray(ufunc.reduce(widened(data), axis=axis)))]
            return [np.asarray(ufunc.reduce(data, axis=axis))]
    for name, position in (("argmax", np.argmax), ("argmin", np.argmin)):
        ties = (f"_{name}_combine_tie_break_left", f"_{name}_combine_tie_break_fast")
        if any(combine is getattr(_LIBRARY, tie, None) for tie in ties):
            return _arg_reduction(arrays, types, axis, position)
    return None


def _arg_reduction(
    arrays: Sequence[Array], types: Sequence[Any], axis: int, position: Any
) -> list[Array] | None:
    values = widened(arrays[0]) if types[0] == tl.bfloat16 else arrays[0]
    if values.dtype.kind == "f" and np.isnan(values).any():
        return None  # the order of combination decides what NaN does
    chosen = np.expand_dims(position(values, axis=axis), axis)
    return [np.take_along_axis(array, chosen, axis).squeeze(axis) for array in arrays]


def _tree(arrays: Sequence[Array], types: Sequence[Any], axis: int, combine: Any) -> list[Array]:
    """Combine neighbours, then neighbouring pairs, and so on; keeps the order of operands."""
    parts = [np.moveaxis(array, axis, 0) for array in arrays]
    while parts[0].shape[0] > 1:
        parts = _combined([p[0::2] for p in parts], [p[1::2] for p in parts], types, combine)
    return [part[0] for part in parts]


def _combined(
    left: Sequence[Array], right: Sequence[Array], types: Sequence[Any], combine: Any
) -> list[Array]:
    result = combine(*map(_tensor, left, types), *map(_tensor, right, types))
    results = result if isinstance(result, tuple | tl.tuple) else (result,)
    return [
        np.broadcast_to(value.handle.data, array.shape).astype(array.dtype, copy=False)
        for value, array in zip(results, left, strict=True)
    ]


def associative_scan(input: Any, axis: Any, combine_fn: Any, reverse: Any = False, **_: Any) -> Any:
    """All partial combinations along an axis, from the end if ``reverse``."""
    tensors = input if isinstance(input, tuple | tl.tuple) else (input,)
    types = [tensor.dtype.scalar for tensor in tensors]
    axis, backward = _number(axis), _number(reverse)
    arrays = [np.moveaxis(tensor.handle.data, axis, 0) for tensor in tensors]
    if backward:
        arrays = [array[::-1] for array in arrays]
    scanned = _known_scan(arrays, types, combine_fn) or _doubling(arrays, types, combine_fn)
    if backward:
        scanned = [array[::-1] for array in scanned]
    restored = [np.ascontiguousarray(np.moveaxis(array, 0, axis)) for array in scanned]
    results = tuple(map(_tensor, restored, types))
    return results if isinstance(input, tuple | tl.tuple) else results[0]


def _known_scan(arrays: Sequence[Array], types: Sequence[Any], combine: Any) -> list[Array] | None:
    if types[0] in (tl.float16, tl.bfloat16):
        return None
    data = arrays[0]
    if combine is _LIBRARY._sum_combine:
        return [np.cumsum(data, axis=0, dtype=data.dtype)]
    if combine is _LIBRARY._prod_combine:
        return [np.cumprod(data, axis=0, dtype=data.dtype)]
    return None


def _doubling(arrays: Sequence[Array], types: Sequence[Any], combine: Any) -> list[Array]:
    """Combine each element with the one 1, 2, 4 … places before it."""
    parts, distance = list(arrays), 1
    while distance < parts[0].shape[0]:
        # Rolled instead of shortened: blocks have a power of two of elements.
        combined = _combined([np.roll(p, distance, axis=0) for p in parts], parts, types, combine)
        parts = [
            np.concatenate([part[:distance], new[distance:]])
            for part, new in zip(parts, combined, strict=True)
        ]
        distance *= 2
    return parts
