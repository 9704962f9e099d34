"""Triton's own interpreter, as the rest of this package sees it.

The one module that reaches into ``triton.runtime.interpreter``. Owns the types of what is used
from there; knows nothing about what is wrong with it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import triton
from triton.runtime import interpreter as stock

__all__ = ["InterpreterBuilder", "TensorHandle", "stock"]

# Versions whose interpreter the repairs were written against.
OLDEST, NEWEST = (3, 6), (3, 9)

_major, _minor = triton.__version__.split(".")[:2]
VERSION = (int(_major), int(_minor))

if TYPE_CHECKING:

    class TensorHandle:
        """A block of values (``data``) with its Triton element type (``dtype``)."""

        data: np.ndarray[Any, Any]
        dtype: Any

        def __init__(self, data: np.ndarray[Any, Any], dtype: Any) -> None: ...

        def get_element_ty(self) -> Any:
            """Type that a pointer points to."""

    class InterpreterBuilder:
        """Executes one operation per method call, on handles."""

        options: Any
        codegen_fns: dict[str, Any]
        grid_idx: tuple[int, int, int]
        grid_dim: tuple[int, int, int]

        set_grid_dim: Callable[[int, int, int], None]
        set_grid_idx: Callable[[int, int, int], None]
        create_load: Callable[..., TensorHandle]
        create_masked_load: Callable[..., TensorHandle]
        create_store: Callable[..., None]
        create_masked_store: Callable[..., None]
        create_atomic_rmw: Callable[..., TensorHandle]
        create_atomic_cas: Callable[..., TensorHandle]
        create_fp_to_fp: Callable[..., TensorHandle]
        binary_op: Callable[[TensorHandle, TensorHandle, Any], TensorHandle]

else:
    InterpreterBuilder = stock.InterpreterBuilder
    TensorHandle = stock.TensorHandle


_INTEGERS = {f"int{bits}": f"i{bits // 8}" for bits in (8, 16, 32, 64)}

# bfloat16 and fp8 are kept as bits.
_NUMPY_TYPES = {
    name: np.dtype(kind)
    for name, kind in {
        "int1": "?",
        **_INTEGERS,
        **{f"u{name}": f"u{kind[1:]}" for name, kind in _INTEGERS.items()},
        "fp16": "f2",
        "fp32": "f4",
        "fp64": "f8",
        "bf16": "u2",
        **{f"fp8{format}": "u1" for format in ("e5", "e5b16", "e4nv", "e4b8", "e4b15")},
    }.items()
}

_POINTER = np.dtype(np.uint64)


def numpy_dtype(triton_type: Any) -> np.dtype[Any]:
    """Numpy type in which the interpreter keeps values of a Triton type, scalar or block."""
    scalar = triton_type.scalar
    return _POINTER if scalar.is_ptr() else _NUMPY_TYPES[scalar.name]


# Stock code asks for each operation, and builds its table of types anew each time.
stock._get_np_dtype = numpy_dtype


def is_known_version() -> bool:
    """Whether the repairs were written for this version of Triton."""
    return OLDEST <= VERSION <= NEWEST


def warn_unknown_version(failed: list[str]) -> None:
    """Say that this Triton was never tried, and what the self-test found."""
    outcome = f"these repairs fail: {', '.join(failed)}" if failed else "all self-tests pass"
    warnings.warn(
        f"Triton {triton.__version__} was never tried with the repaired interpreter "
        f"({OLDEST[0]}.{OLDEST[1]} to {NEWEST[0]}.{NEWEST[1]} were): {outcome}",
        stacklevel=2,
    )
