"""How a tensor travels: a header in the frame, its elements compact in a slot.

A header gives dtype, shape and strides; the elements lie row-major without gaps. The receiver
lays them out by the strides, so a strided view, even one that spans gigabytes, costs only its
elements in transport. Bytes are reinterpreted by torch, not numpy: numpy has no bf16 or fp8.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from grader.protocol.frames import Message, ProtocolViolation, field, integer, naturals, objects
from grader.protocol.slots import Slot, aligned

DTYPES: dict[str, torch.dtype] = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (
        torch.float64,
        torch.float32,
        torch.float16,
        torch.bfloat16,
        torch.float8_e4m3fn,
        torch.float8_e5m2,
        torch.int64,
        torch.int32,
        torch.int16,
        torch.int8,
        torch.uint8,
        torch.bool,
    )
}


# As many as torch can copy.
MOST_DIMENSIONS = 64


def dtype_name(dtype: torch.dtype) -> str:
    """The name of a dtype in headers and messages, e.g. ``"bfloat16"``."""
    return str(dtype).removeprefix("torch.")


@dataclass(frozen=True)
class Header:
    """Where a tensor's elements lie in a slot and how the tensor is laid out.

    Attributes:
        dtype: Element type.
        shape: Sizes.
        strides: Strides in elements, of the tensor that is meant; the slot is compact.
        offset: First byte in the slot.
    """

    dtype: torch.dtype
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int

    @property
    def nbytes(self) -> int:
        """Bytes of the compact elements."""
        return math.prod(self.shape) * self.dtype.itemsize

    def to_json(self) -> Message:
        """The header's form in a frame."""
        return {
            "dtype": dtype_name(self.dtype),
            "shape": list(self.shape),
            "strides": list(self.strides),
            "offset": self.offset,
        }

    @staticmethod
    def from_json(message: Message) -> Header:
        """Decode a header that may be forged.

        Raises:
            ProtocolViolation: It describes no tensor.
        """
        name = field(message, "dtype", str)
        if name not in DTYPES:
            raise ProtocolViolation(f"no tensor of dtype {name[:40]!r} can be sent")
        shape = naturals(message, "shape", MOST_DIMENSIONS)
        strides = naturals(message, "strides", MOST_DIMENSIONS)
        if len(shape) != len(strides):
            raise ProtocolViolation("shape and strides differ in length")
        return Header(DTYPES[name], shape, strides, integer(message, "offset"))


def layout(tensors: Sequence[torch.Tensor], start: int = 0) -> tuple[list[Header], int]:
    """Headers that place tensors one after another, and the first free byte behind them."""
    headers = []
    for tensor in tensors:
        headers.append(Header(tensor.dtype, tuple(tensor.shape), tuple(tensor.stride()), start))
        start += aligned(headers[-1].nbytes)
    return headers, start


def compact(slot: Slot, header: Header) -> torch.Tensor:
    """The header's elements in the slot, as a contiguous view of its shape.

    Raises:
        ProtocolViolation: They do not lie inside the slot.
    """
    try:
        if header.nbytes == 0:
            return torch.empty(header.shape, dtype=header.dtype, device="cpu")
        raw = slot.bytes(header.offset, header.nbytes)
        return raw.view(header.dtype).view(header.shape)
    except (ValueError, RuntimeError) as error:
        raise ProtocolViolation(f"a header points outside its slot: {error}") from error


def write(slot: Slot, header: Header, tensor: torch.Tensor) -> None:
    """Copy a tensor's elements, from any device and layout, to the header's place."""
    if header.nbytes:
        compact(slot, header).copy_(tensor)


def read(slot: Slot, header: Header, device: str = "cpu") -> torch.Tensor:
    """A private contiguous copy of the header's elements on a device.

    Raises:
        ProtocolViolation: They do not lie inside the slot.
    """
    return compact(slot, header).to(device, copy=True)


def span(shape: Sequence[int], strides: Sequence[int]) -> int:
    """Elements from the first to the last that a tensor touches, both included."""
    if any(size == 0 for size in shape):
        return 0
    return 1 + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))


def scatter(target: torch.Tensor, source: torch.Tensor) -> None:
    """Copy compact elements into a laid-out tensor; repeated dimensions (stride 0) once."""
    for dimension, stride in enumerate(target.stride()):
        if stride == 0 and target.shape[dimension] > 1:
            target = target.narrow(dimension, 0, 1)
            source = source.narrow(dimension, 0, 1)
    target.copy_(source)


def encode_argument(value: Any, tensors: list[torch.Tensor]) -> Message:
    """One argument of a call; a tensor is appended to ``tensors`` and sent by its index.

    A list arrives as a tuple.

    Raises:
        TypeError: The protocol has no form for such a value.
    """
    if isinstance(value, torch.Tensor):
        tensors.append(value)
        return {"tensor": len(tensors) - 1}
    if isinstance(value, torch.dtype):
        return {"dtype": dtype_name(value)}
    if isinstance(value, tuple | list):
        return {"items": [encode_argument(item, tensors) for item in value]}
    if value is None or isinstance(value, bool | int | float | str):
        return {"value": value}
    raise TypeError(f"a {type(value).__name__} cannot be sent to a worker")


def decode_argument(message: Message, tensors: Sequence[torch.Tensor]) -> Any:
    """The inverse of ``encode_argument``, in the worker."""
    if "tensor" in message:
        return tensors[field(message, "tensor", int)]
    if "dtype" in message:
        return DTYPES[field(message, "dtype", str)]
    if "items" in message:
        return tuple(decode_argument(item, tensors) for item in objects(message, "items"))
    return message["value"]
