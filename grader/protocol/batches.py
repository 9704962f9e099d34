"""What one timed batch of calls does to its inputs, computed alike by judge and worker.

Before each call of a batch a small window of the next input set is overwritten in place, so
that no answer of an earlier call can be given again, whatever it is cached by. Judge and worker
derive the same writes from the same seed: the judge keeps a mirror of the inputs and knows what
each call must return, without moving the inputs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

# Elements that one write covers, and how many places a batch writes to.
WINDOW = 32
PLACES = 64


@dataclass(frozen=True)
class Writes:
    """The writes of one batch, call by call.

    Attributes:
        starts: First element of each place, in the flattened tensor.
        place: For each call, which of the places is overwritten.
        values: For each call, what is written: [calls, window], float32 in host memory.
    """

    starts: list[int]
    place: list[int]
    values: torch.Tensor


def plan_writes(seed: int, calls: int, elements: int) -> Writes:
    """The writes of a batch.

    Args:
        seed: The judge's seed of this batch.
        calls: Number of calls.
        elements: Elements of the tensor that is written to; at least one window.
    """
    generator = torch.Generator().manual_seed(seed)
    windows = elements // WINDOW
    starts = torch.randint(windows, (PLACES,), generator=generator) * WINDOW
    place = torch.randint(PLACES, (calls,), generator=generator)
    values = torch.randn((calls, WINDOW), generator=generator)
    return Writes(starts.tolist(), place.tolist(), values)


def apply_all(writes: Writes, rings: list[torch.Tensor]) -> None:
    """Bring flattened tensors to the state after the whole batch; the last write to a place wins.

    Args:
        writes: The batch's writes.
        rings: The written tensor of each input set, flattened; call ``i`` uses set
            ``i % len(rings)``.
    """
    last: dict[tuple[int, int], int] = {}
    for call, place in enumerate(writes.place):
        last[call % len(rings), writes.starts[place]] = call
    for (ring, start), call in last.items():
        rings[ring][start : start + WINDOW].copy_(as_written(writes.values[call], rings[0].dtype))


def as_written(values: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Normally distributed values as a tensor of ``dtype`` holds them; spread over its integers."""
    if dtype.is_floating_point:
        return values.to(dtype)
    limits = torch.iinfo(dtype)
    middle = (limits.max + limits.min + 1) // 2
    return (values * (limits.max / 3) + middle).round().clamp(limits.min, limits.max).to(dtype)


# What may be overwritten with any value: larger integers are indices, and lead out of bounds.
_WRITABLE_INTEGERS = (torch.int8, torch.uint8)


def written_tensor(inputs: tuple[Any, ...]) -> torch.Tensor:
    """The tensor of an input set that the writes go to, flattened.

    Raises:
        ValueError: No input is a contiguous tensor of floats or 8-bit integers that has a
            window's size.
    """
    for value in inputs:
        if (
            isinstance(value, torch.Tensor)
            and (value.dtype.is_floating_point or value.dtype in _WRITABLE_INTEGERS)
            and value.is_contiguous()
            and value.numel() >= WINDOW
        ):
            return value.view(-1)
    raise ValueError(
        f"a speed test needs a contiguous input of {WINDOW} floats or 8-bit integers or more"
    )
