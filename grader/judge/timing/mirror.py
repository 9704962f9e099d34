"""The judge's copy of the inputs of a speed measurement, and what each call must return.

Lives on the judge's own GPU context, which is idle while a batch is timed. After a batch a few
elements of the last call's output are compared: half of them anywhere, half where the writes of
this very batch changed the result, so that an answer from before the batch shows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from grader.protocol.batches import Writes, apply_all, written_tensor
from grader.protocol.data import Data

SAMPLES = 64


@dataclass(frozen=True)
class Expected:
    """What the last call of a batch must return, at a few places.

    Attributes:
        samples: Flat indices into the output.
        values: What must be there.
        unaffected: How many samples, from the first on, the batch's writes did not change.
    """

    samples: list[int]
    values: torch.Tensor
    unaffected: int


class Mirror:
    """Input sets and expected results of one measurement.

    Attributes:
        dtype: The output's dtype.
        rings: Number of input sets.
    """

    def __init__(
        self,
        maker: Callable[[Data], tuple[Any, ...]],
        oracle: Callable[..., torch.Tensor],
        seed: int,
        cache_bytes: int,
        device: torch.device,
    ) -> None:
        """Make as many input sets as exceed twice the cache.

        Args:
            maker: Makes one set from seeded data; from the lesson's reference.
            oracle: Gives the right result on the device.
            seed: Seed of the first set; the next ones count up.
            cache_bytes: Size of the GPU's L2 cache.
            device: The judge's GPU.
        """
        self._oracle = oracle
        first = maker(Data(seed, device))
        size = sum(value.nbytes for value in first if isinstance(value, torch.Tensor))
        self.rings = max(2, -(-2 * cache_bytes // size))
        self._sets = [first, *(maker(Data(seed + n, device)) for n in range(1, self.rings))]
        self._written = [written_tensor(one) for one in self._sets]
        self.elements = self._written[0].numel()
        self.dtype = oracle(*first).dtype
        self._generator = torch.Generator().manual_seed(seed ^ 0x5EED)

    def advance(self, writes: Writes) -> Expected:
        """Apply a batch's writes, and say what its last call must return."""
        last = (len(writes.place) - 1) % self.rings
        before = self._oracle(*self._sets[last]).reshape(-1)
        apply_all(writes, self._written)
        after = self._oracle(*self._sets[last]).reshape(-1)
        anywhere = self._unchanged(before, after)
        index = torch.cat([anywhere, self._changed(before, after)])
        return Expected(index.tolist(), after[index].cpu(), anywhere.numel())

    def _unchanged(self, before: torch.Tensor, after: torch.Tensor) -> torch.Tensor:
        """Some places, anywhere, that the writes left as they were."""
        places = self._draw(after.numel(), 8 * SAMPLES, after.device)
        return places[before[places] == after[places]][: SAMPLES // 2]

    def _changed(self, before: torch.Tensor, after: torch.Tensor) -> torch.Tensor:
        """Some of the places that the writes changed."""
        places = (before != after).nonzero().flatten()
        if not places.numel():
            return places
        return places[self._draw(places.numel(), SAMPLES // 2, after.device)]

    def _draw(self, below: int, count: int, device: torch.device) -> torch.Tensor:
        return torch.randint(below, (count,), generator=self._generator).to(device)


def agrees(got: torch.Tensor, expected: torch.Tensor) -> bool:
    """Whether sampled elements are those expected, with a margin for another summation order.

    The exact comparison is the correctness tests' business, on the same function.
    """
    if not expected.dtype.is_floating_point:
        return bool((got == expected).all())
    exact = expected.double()
    scale = exact.abs() + exact.square().mean().sqrt()
    close = (got.double() - exact).abs() <= 64 * torch.finfo(expected.dtype).eps * scale
    return bool((close | (got.isnan() & expected.isnan())).all())
