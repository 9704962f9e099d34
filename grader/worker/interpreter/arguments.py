"""Arguments of a launch, bound and converted as Triton's own launcher does.

Owns the Triton type of each argument. In stock Triton's interpreter a Python float stays a
number, which leaves fp16 arithmetic in fp16, while a compiled kernel gets an fp32 tensor.
"""

from __future__ import annotations

import copy
from dataclasses import fields
from typing import Any

import numpy as np
import torch
import triton.language as tl
from triton.runtime.jit import JITCallable, mangle_type
from triton.tools.tensor_descriptor import TensorDescriptor

from grader.worker.interpreter.stock import TensorHandle, numpy_dtype, stock
from grader.worker.interpreter.watch import Watcher

_ALWAYS_OPTIONS = {"num_warps", "num_stages", "num_ctas", "maxnreg", "ir_override", "debug"}


def _launch_options() -> set[str]:
    """Keyword arguments of a launch that are no parameters of the kernel."""
    from triton.backends.nvidia.compiler import CUDAOptions

    return _ALWAYS_OPTIONS | {field.name for field in fields(CUDAOptions)}


def bind(jit: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Parameter names with the values given or their defaults.

    Raises:
        TypeError: A parameter has no value, or two.
        KeyError: A keyword is neither a parameter nor a launch option.
    """
    parameters = set(jit.arg_names)
    options = kwargs.keys() - parameters
    for name in sorted(options - _launch_options()):
        raise KeyError(f"Keyword argument {name} was specified but unrecognised")
    given = {name: value for name, value in kwargs.items() if name in parameters}
    bound = jit.signature.bind(*args, **given)
    bound.apply_defaults()
    return dict(bound.arguments)


def to_triton(jit: Any, bound: dict[str, Any], watcher: Watcher | None) -> dict[str, Any]:
    """The values that the kernel's body gets."""
    converter = _Converter(watcher)
    return {
        param.name: _constant(bound[param.name])
        if param.is_constexpr
        else converter.convert(bound[param.name], param.name, param.annotation_type)
        for param in jit.params
    }


def _constant(value: Any) -> Any:
    return value.value if isinstance(value, tl.constexpr) else value


class _Converter:
    def __init__(self, watcher: Watcher | None) -> None:
        self._watcher = watcher

    def convert(self, value: Any, name: str, declared: str = "") -> Any:
        """One argument; ``declared`` is the type from the parameter's annotation, if any."""
        if isinstance(value, bool):
            return _scalar(value, tl.int1)
        if isinstance(value, int | float):
            return _scalar(value, tl.str_to_ty(declared or mangle_type(value), None))
        if hasattr(value, "data_ptr"):
            return self._pointer(value, name)
        if isinstance(value, TensorDescriptor):
            return self._descriptor(value, name)
        if isinstance(value, tuple):
            items = [self.convert(item, f"{name}[{n}]") for n, item in enumerate(value)]
            return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
        if value is None or isinstance(value, tl.constexpr | tl.dtype | JITCallable):
            return _constant(value)
        raise TypeError(f"a kernel cannot take {name}, a {type(value).__name__}")

    def _pointer(self, tensor: Any, name: str) -> Any:
        dtype = tl.str_to_ty(mangle_type(tensor), None)
        handle = TensorHandle(np.array([self._address(tensor, name)], dtype=np.uint64), dtype)
        return tl.tensor(handle, dtype)

    def _address(self, tensor: Any, name: str) -> int:
        if not isinstance(tensor, torch.Tensor):
            tensor = tensor.base  # triton.reinterpret wraps tensors
        if tensor.device.type != "cpu":
            raise TypeError(
                f"an interpreted kernel takes CPU tensors; {name} is on {tensor.device}"
            )
        if self._watcher is not None:
            return self._watcher.address(tensor, name)
        address: int = tensor.data_ptr()
        return address

    def _descriptor(self, descriptor: Any, name: str) -> Any:
        """Stock conversion, with the base pointer replaced by the one that the kernel sees."""
        seen = copy.copy(descriptor)
        seen.base = _Base(self._address(descriptor.base, name), descriptor.base.dtype)
        return stock._implicit_cvt(seen)


class _Base:
    """As much of a tensor as stock conversion needs."""

    def __init__(self, address: int, dtype: torch.dtype) -> None:
        self._address = address
        self.dtype = dtype

    def data_ptr(self) -> int:
        """Address of the first element."""
        return self._address


def _scalar(value: Any, dtype: Any) -> Any:
    if dtype == tl.bfloat16:  # kept as bits; annotated parameters only
        bits = torch.tensor([value], dtype=torch.bfloat16).view(torch.uint16).numpy()
        return tl.tensor(TensorHandle(bits, dtype), dtype)
    data = np.array([value]).astype(numpy_dtype(dtype))
    return tl.tensor(TensorHandle(data, dtype), dtype)
