"""Arguments of a launch without the memory behind them.

A specialisation depends on a tensor's dtype, on its address modulo 16 and, on AMD, on whether it
is smaller than 2 GiB. A stand-in keeps these and lets go of the tensor.
"""

from __future__ import annotations

import copy
from typing import Any

from triton.tools.tensor_descriptor import TensorDescriptor


class TensorStandIn:
    """Answers what Triton's binder asks of a tensor.

    Attributes:
        dtype: The tensor's dtype, or Triton's where the tensor was reinterpreted.
    """

    __slots__ = ("_address", "_nbytes", "dtype")

    def __init__(self, tensor: Any) -> None:
        storage_of = tensor if hasattr(tensor, "untyped_storage") else tensor.base
        self.dtype = tensor.dtype
        self._address = int(tensor.data_ptr())
        self._nbytes = int(storage_of.untyped_storage().nbytes())

    def __repr__(self) -> str:
        return f"tensor of {self.dtype}"

    def data_ptr(self) -> int:
        """Address of the first element."""
        return self._address

    def ptr_range(self) -> int:
        """Bytes of the whole storage; asked by AMD's backend."""
        return self._nbytes


def stand_in(value: Any) -> Any:
    """The value itself, with tensors inside it replaced."""
    if hasattr(value, "data_ptr"):
        return TensorStandIn(value)
    if isinstance(value, TensorDescriptor):
        described = copy.copy(value)  # not its constructor, which wants a real tensor
        described.base = TensorStandIn(value.base)
        return described
    if isinstance(value, tuple):
        items = [stand_in(item) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
    return value
