"""``libdevice`` functions, which stock Triton's interpreter does not have up to 3.9.

Types are checked and chosen by Triton's own table of libdevice, so that what a GPU refuses is
refused here; this module owns what each symbol computes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from grader.worker.interpreter.repairs.bits import Array
from grader.worker.interpreter.stock import InterpreterBuilder, TensorHandle, numpy_dtype

_PREFIX = "__nv_"


def _torch(function: Callable[..., torch.Tensor]) -> Callable[..., Array]:
    def on_arrays(*operands: Array) -> Array:
        return function(*(torch.from_numpy(np.array(x)) for x in operands)).numpy()

    return on_arrays


def _round_half_away(x: Array) -> Array:
    return np.copysign(np.floor(np.abs(x) + 0.5), x)


# Computed in fp64 and rounded to the result's type: at least as exact as a GPU.
_FLOATS: dict[str, Callable[..., Array]] = {
    "acos": np.arccos, "acosh": np.arccosh, "asin": np.arcsin, "asinh": np.arcsinh,
    "atan": np.arctan, "atan2": np.arctan2, "atanh": np.arctanh, "cbrt": np.cbrt,
    "ceil": np.ceil, "copysign": np.copysign, "cos": np.cos, "cosh": np.cosh,
    "cospi": lambda x: np.cos(np.pi * x), "erf": _torch(torch.special.erf),
    "erfc": _torch(torch.special.erfc), "erfcx": _torch(torch.special.erfcx),
    "erfinv": _torch(torch.special.erfinv), "exp": np.exp, "exp10": lambda x: 10.0**x,
    "exp2": np.exp2, "expm1": np.expm1, "fabs": np.abs, "fdim": lambda x, y: np.maximum(x - y, 0),
    "floor": np.floor, "fma": lambda x, y, z: x * y + z, "fmax": np.fmax, "fmin": np.fmin,
    "fmod": np.fmod, "hypot": np.hypot, "j0": _torch(torch.special.bessel_j0),
    "j1": _torch(torch.special.bessel_j1), "lgamma": _torch(torch.special.gammaln),
    "log": np.log, "log10": np.log10, "log1p": np.log1p, "log2": np.log2, "logb": lambda x:
    np.floor(np.log2(np.abs(x))), "nearbyint": np.rint, "nextafter": np.nextafter,
    "normcdf": _torch(torch.special.ndtr), "normcdfinv": _torch(torch.special.ndtri),
    "pow": np.power, "powi": np.power, "rcbrt": lambda x: 1.0 / np.cbrt(x),
    "remainder": lambda x, y: x - y * np.rint(x / y), "rhypot": lambda x, y: 1.0 / np.hypot(x, y),
    "rint": np.rint, "round": _round_half_away, "rsqrt": lambda x: 1.0 / np.sqrt(x),
    "saturate": lambda x: np.clip(np.nan_to_num(x, nan=0.0), 0.0, 1.0), "sin": np.sin,
    "sinh": np.sinh, "sinpi": lambda x: np.sin(np.pi * x), "sqrt": np.sqrt, "tan": np.tan,
    "tanh": np.tanh, "tgamma": lambda x: np.exp(_torch(torch.special.gammaln)(x)),
    "trunc": np.trunc, "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide,
    "divide": np.divide, "rcp": np.reciprocal, "ldexp": lambda x, n: x * np.exp2(n),
}  # fmt: skip

# Results that are no floats of the operands' type.
_PREDICATES: dict[str, Callable[..., Array]] = {
    "isnan": np.isnan, "isinf": np.isinf, "finite": np.isfinite, "isfinite": np.isfinite,
    "signbit": np.signbit,
}  # fmt: skip

_INTEGERS: dict[str, Callable[..., Array]] = {
    "abs": np.abs, "llabs": np.abs, "min": np.minimum, "max": np.maximum, "umin": np.minimum,
    "umax": np.maximum, "llmin": np.minimum, "llmax": np.maximum, "popc": np.bitwise_count,
    "popcll": np.bitwise_count, "ffs": lambda x: np.where(x == 0, 0, _log2(x & -x) + 1),
    "clz": lambda x: 31 - _log2(x), "clzll": lambda x: 63 - _log2(x),
}  # fmt: skip

_ROUNDINGS = ("_rn", "_rz", "_ru", "_rd")


def _log2(x: Array) -> Array:
    """Position of the highest bit; -1 for zero."""
    unsigned = x.astype(np.dtype(f"u{x.dtype.itemsize}"))
    position = np.full(x.shape, -1, dtype=np.int32)
    while unsigned.any():
        position += unsigned != 0
        unsigned = unsigned >> unsigned.dtype.type(1)
    return position


class ExternFunctions(InterpreterBuilder):
    """Functions that a GPU links from a library."""

    def create_extern_elementwise(
        self,
        library: str,
        path: str,
        symbol: str,
        operands: list[TensorHandle],
        result: Any,
        is_pure: bool,
    ) -> TensorHandle:
        """Call a libdevice function; stock up to 3.9 has none.

        Raises:
            NotImplementedError: The function is not known here.
        """
        target = result.scalar
        kind = numpy_dtype(target)
        arrays = [operand.data for operand in operands]
        name = symbol.removeprefix(_PREFIX)
        if name in _INTEGERS:
            return TensorHandle(_INTEGERS[name](*arrays).astype(kind), target)
        function = _float_function(name)
        if function is None:
            raise NotImplementedError(f"libdevice function {symbol} needs a GPU")
        wide = [x.astype(np.float64) if x.dtype.kind == "f" else x for x in arrays]
        return TensorHandle(np.asarray(function(*wide)).astype(kind), target)


def _float_function(name: str) -> Callable[..., Array] | None:
    """Whatever ``tanhf``, ``tanh``, ``fast_tanhf``, ``fsqrt_rn``, ``dsqrt_rn`` stand for."""
    candidates = [name, name.removesuffix("f"), name.removesuffix("d")]
    for rounding in _ROUNDINGS:
        if name.endswith(rounding):
            candidates += [name.removesuffix(rounding), name[1:].removesuffix(rounding)]
    fast = name.removeprefix("fast_")
    candidates += [fast, fast.removesuffix("f")]
    known = _FLOATS | _PREDICATES
    return next((known[candidate] for candidate in candidates if candidate in known), None)
