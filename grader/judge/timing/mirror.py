"""The judge's copy of the inputs of a speed measurement, and what each call must return.

Lives on the judge's own GPU context, which is idle while a batch is timed. After a batch a few
elements of the last call's output are compared: half of them anywhere, half where the writes of
this very batch changed the result, so that an answer from before the batch shows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch

from grader.judge.timing.sides import Sample
from grader.protocol.batches import Writes, apply_all, written_tensor
from grader.protocol.data import Data

SAMPLES = 64


@dataclass(frozen=True)
class Expected:
    """What the last call of a batch must return, at a few places of one tensor.

    Attributes:
        sample: The places.
        values: What must be there, in the tensor's dtype.
        unaffected: How many of the places, from the first on, the batch's writes did not change.
    """

    sample: Sample
    values: torch.Tensor
    unaffected: int


class Mirror:
    """Input sets and expected results of one measurement.

    Attributes:
        dtypes: The dtype of each returned tensor.
        rings: Number of input sets.
    """

    def __init__(
        self,
        maker: Callable[[Data], tuple[Any, ...]],
        oracle: Callable[..., Any],
        seed: int,
        cache_bytes: int,
        device: torch.device,
    ) -> None:
        """Make as many input sets as exceed twice the cache.

        Args:
            maker: Makes one set from seeded data; from the lesson's reference.
            oracle: Gives the right result on the device: a tensor or a tuple of tensors.
            seed: Seed of the first set; the next ones count up.
            cache_bytes: Size of the GPU's L2 cache.
            device: The judge's GPU.
        """
        self._oracle = oracle
        first = maker(Data(seed, device))
        self.rings = rings_beyond(cache_bytes, nbytes(first))
        self._sets = [first, *(maker(Data(seed + n, device)) for n in range(1, self.rings))]
        self._written = [written_tensor(one) for one in self._sets]
        self.elements = self._written[0].numel()
        self.dtypes = tuple(leaf.dtype for leaf in _leaves(oracle(*first)))
        self._generator = torch.Generator().manual_seed(seed ^ 0x5EED)

    def advance(self, writes: Writes) -> tuple[Expected, ...]:
        """Apply a batch's writes, and say what its last call must return."""
        last = self._sets[(len(writes.place) - 1) % self.rings]
        before = _leaves(self._oracle(*last))
        apply_all(writes, self._written)
        after = _leaves(self._oracle(*last))
        return tuple(
            self._expected(one.reshape(-1), other.reshape(-1))
            for one, other in zip(before, after, strict=True)
        )

    def _expected(self, before: torch.Tensor, after: torch.Tensor) -> Expected:
        anywhere = self._unchanged(before, after)
        index = torch.cat([anywhere, self._changed(before, after)])
        sample = Sample(index.tolist(), after.dtype)
        return Expected(sample, after[index].cpu(), anywhere.numel())

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
        count = count if below else 0  # an empty tensor has no places
        return torch.randint(max(below, 1), (count,), generator=self._generator).to(device)


def nbytes(values: Iterable[Any]) -> int:
    """Bytes of the tensors among some values."""
    return sum(value.nbytes for value in values if isinstance(value, torch.Tensor))


def rings_beyond(cache_bytes: int, set_bytes: int) -> int:
    """How many input sets of a size exceed twice the cache, so that none is found there."""
    return max(2, -(-2 * cache_bytes // set_bytes))


def agrees(got: torch.Tensor, expected: torch.Tensor) -> bool:
    """Whether sampled elements are those expected, with a margin for another summation order.

    The exact comparison is the correctness tests' business, on the same function.

    Args:
        got: The samples, float64.
        expected: What they must be, in the tensor's dtype.
    """
    exact = expected.double()
    if not expected.dtype.is_floating_point:
        return bool((got == exact).all())
    scale = exact.abs() + exact.square().mean().sqrt()
    eps = torch.finfo(expected.dtype).eps
    close = (got - exact).abs() <= (_FP32_MARGIN if eps < 1e-4 else _HALF_MARGIN) * eps * scale
    return bool((close | (got.isnan() & expected.isnan())).all())


# In units of the dtype's eps. Sums are formed in fp32: in 16 bits only the last rounding counts.
_FP32_MARGIN = 64
_HALF_MARGIN = 6


def _leaves(result: Any) -> tuple[torch.Tensor, ...]:
    return tuple(result) if isinstance(result, tuple | list) else (result,)
