"""Guarded memory: every tensor that student code sees lies between poisoned red zones.

A store before or behind a tensor lands in a red zone and is found after the call; memory that
was never written still holds the poison. Works the same on CPU and GPU, without any hardware
support. Each of the two runs of a call uses other patterns, so that a value which happens to
equal one pattern differs from the other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from grader.protocol.frames import Message
from grader.protocol.poison import WORDS, as_words, repeated, unwritten_word
from grader.protocol.tensors import scatter, span
from grader.worker.dispatch import DispatchMode

# Wide enough to catch a block that runs over the end, a multiple of any alignment that
# Triton specialises on, so that guarded tensors take the same code path as ordinary ones.
RED_ZONE_BYTES = 64 * 1024

# Tensors that span more are laid out in untouched memory: filling gigabytes between the rows
# of a huge-stride view would cost seconds and real memory.
LARGEST_POISONED_SPAN = 256 * 1024 * 1024

# Stands for the dtype's ordinary NaN around and between the elements of inputs.
ORDINARY_NAN = None


@dataclass(frozen=True)
class Poison:
    """Byte patterns of one run.

    Attributes:
        run: Number of the run, from 0.
        input_zone: Fills the red zones around inputs.
        output_zone: Fills the red zones around the submission's own allocations; differs
            from ``input_zone``, so that copying one zone to the other is seen.
    """

    run: int
    input_zone: int | None
    output_zone: int


RUNS = (
    Poison(run=0, input_zone=ORDINARY_NAN, output_zone=0xA5),
    Poison(run=1, input_zone=0x5A, output_zone=0xC3),
)


@dataclass(frozen=True)
class _Guarded:
    role: str
    index: int
    buffer: torch.Tensor  # uint8: red zone, span, red zone
    view: torch.Tensor  # the submission has this object and may change its shape
    body: int  # bytes of the span
    itemsize: int
    zone: int  # bit pattern of an element of the red zones
    poisoned: bool


class GuardedMemory:
    """All guarded tensors of one run of one call.

    Attributes:
        poison: The byte patterns of this run.
    """

    def __init__(self, device: torch.device, poison: Poison) -> None:
        self._device = device
        self.poison = poison
        self._all: list[_Guarded] = []

    def place_input(
        self, source: torch.Tensor, shape: Sequence[int], strides: Sequence[int]
    ) -> torch.Tensor:
        """Lay out compact host elements as an input of the submission."""
        index = sum(guarded.role == "input" for guarded in self._all)
        guarded = self._reserve("input", index, shape, strides, source.dtype)
        if source.numel():
            scatter(guarded.view, source.to(self._device))
        return guarded.view

    def allocate(self, like: torch.Tensor) -> torch.Tensor:
        """Poisoned memory of a tensor's size and layout, for the submission's own use."""
        index = len(self._all)
        return self._reserve("allocation", index, like.shape, like.stride(), like.dtype).view

    def _reserve(
        self,
        role: str,
        index: int,
        shape: Sequence[int],
        strides: Sequence[int],
        dtype: torch.dtype,
    ) -> _Guarded:
        body = span(shape, strides) * dtype.itemsize
        padded = -(-body // 16) * 16
        poisoned = padded <= LARGEST_POISONED_SPAN
        buffer = torch.empty(padded + 2 * RED_ZONE_BYTES, dtype=torch.uint8, device=self._device)
        outside = self.poison.input_zone if role == "input" else self.poison.output_zone
        zone = _zone_word(dtype, outside, self.poison.run)
        inside = buffer[RED_ZONE_BYTES : RED_ZONE_BYTES + body]
        if poisoned:
            _words(buffer, dtype.itemsize).fill_(zone)
            if role != "input":
                _words(inside, dtype.itemsize).fill_(unwritten_word(dtype, self.poison.run))
        view = torch.empty(0, dtype=dtype, device=self._device)
        view.set_(_storage_of(inside), 0, tuple(shape), tuple(strides))
        guarded = _Guarded(role, index, buffer, view, body, dtype.itemsize, zone, poisoned)
        self._all.append(guarded)
        return guarded

    def violations(self) -> list[Message]:
        """Stores that hit a red zone: which tensor, which side, how far, how many elements."""
        return [
            found
            for guarded in self._all
            if guarded.poisoned
            for found in (_damage(guarded, "before"), _damage(guarded, "after"))
            if found is not None
        ]

    def holder(self, tensor: torch.Tensor) -> tuple[str, int] | None:
        """Role and index of the guarded tensor in whose memory this tensor lies."""
        start = tensor.untyped_storage().data_ptr()
        for guarded in self._all:
            if tensor.numel() and guarded.buffer.data_ptr() + RED_ZONE_BYTES == start:
                return guarded.role, guarded.index
        return None


def _storage_of(part: torch.Tensor) -> torch.UntypedStorage:
    """A storage that begins and ends with these bytes, and keeps alive what they lie in.

    A guarded tensor is then like any other: it begins where its memory begins.
    """
    return torch.from_dlpack(torch._C._to_dlpack(part)).untyped_storage()  # type: ignore[attr-defined]


def _words(raw: torch.Tensor, itemsize: int) -> torch.Tensor:
    return raw.view(WORDS[itemsize])


def _zone_word(dtype: torch.dtype, byte: int | None, run: int) -> int:
    """The bit pattern of an element of a red zone, as an integer of its size."""
    if byte is not None and dtype != torch.bool:
        return repeated(byte, dtype)
    if not dtype.is_floating_point:
        return unwritten_word(dtype, run)
    return int(as_words(torch.full((1,), float("nan"), dtype=dtype)))


def _damage(guarded: _Guarded, side: str) -> Message | None:
    body, itemsize = guarded.body, guarded.itemsize
    if guarded.buffer.untyped_storage().nbytes() < guarded.buffer.numel():
        # The submission gave the memory away under the grader's hands: no less than a store to all.
        whole = {"first": 0, "count": max(body // itemsize, 1)}
        return {"role": guarded.role, "index": guarded.index, "side": side, **whole}
    end = RED_ZONE_BYTES + body
    zone = guarded.buffer[:RED_ZONE_BYTES] if side == "before" else guarded.buffer[end:]
    elements = (_words(zone, itemsize) != guarded.zone).nonzero().flatten()
    if not elements.numel():
        return None
    first = int(elements[0]) - (RED_ZONE_BYTES // itemsize if side == "before" else 0)
    return {
        "role": guarded.role,
        "index": guarded.index,
        "side": side,
        "first": first if side == "before" else math.ceil(body / itemsize) + first,
        "count": int(elements.numel()),
    }


_UNDEFINED = {"aten::empty", "aten::empty_like", "aten::empty_permuted", "aten::empty_strided",
              "aten::new_empty", "aten::new_empty_strided"}  # fmt: skip
_DEFINED = {"aten::zeros", "aten::zeros_like", "aten::new_zeros", "aten::ones",
            "aten::ones_like", "aten::new_ones", "aten::full", "aten::full_like",
            "aten::new_full", "aten::arange", "aten::clone", "aten::_to_copy"}  # fmt: skip


class GuardedAllocations(DispatchMode):
    """Gives the submission guarded memory for each tensor that it allocates."""

    def __init__(
        self,
        memory: GuardedMemory,
        device: torch.device,
        undefined: Callable[[torch.Tensor], None] | None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._memory = memory
        self._device = device
        self._undefined = undefined

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func._schema.name
        if name == "aten::resize_" and self._is_guardable(args[0]):
            return self._resized(func, *args, **(kwargs or {}))
        result = func(*args, **(kwargs or {}))
        if name not in _UNDEFINED | _DEFINED or not self._is_guardable(result):
            return result
        if not result.numel():  # nothing to guard, and torch itself may have to resize it
            return result
        guarded = self._memory.allocate(result)
        if name in _DEFINED:
            guarded.copy_(result)
        elif self._undefined is not None:
            self._undefined(guarded)
        return guarded

    def _resized(
        self,
        resize: Callable[..., torch.Tensor],
        tensor: torch.Tensor,
        shape: Sequence[int],
        memory_format: torch.memory_format | None = None,
    ) -> torch.Tensor:
        """Do what ``resize_`` does; where that takes more memory, it is guarded."""
        like = torch.empty(
            tuple(shape),
            dtype=tensor.dtype,
            device="meta",
            memory_format=memory_format or torch.contiguous_format,
        )
        end = tensor.storage_offset() * tensor.itemsize + like.nbytes
        if end <= tensor.untyped_storage().nbytes():
            return resize(tensor, shape, memory_format=memory_format)
        guarded = self._memory.allocate(like)
        kept = min(tensor.numel(), like.numel())
        guarded.as_strided((kept,), (1,)).copy_(tensor.as_strided((kept,), (1,)))
        return tensor.set_(guarded.untyped_storage(), 0, like.shape, like.stride())

    def _is_guardable(self, tensor: torch.Tensor) -> bool:
        return tensor.device.type == self._device.type and tensor.layout == torch.strided


@contextmanager
def guarded_allocations(
    memory: GuardedMemory | None,
    device: torch.device,
    undefined: Callable[[torch.Tensor], None] | None = None,
) -> Iterator[None]:
    """Guard all allocations on ``device`` by the code inside.

    Args:
        memory: Takes the allocations; ``None`` leaves them as they are.
        device: Allocations elsewhere stay as they are.
        undefined: Told of each tensor handed out whose elements were never set.
    """
    if memory is None:
        yield
        return
    with GuardedAllocations(memory, device, undefined):
        yield
