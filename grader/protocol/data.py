"""Random inputs, made from a seed: alike in judge and worker.

For correctness the judge makes the inputs and sends them. For speed both sides make the same
inputs on their own device: moving gigabytes would take longer than the measurement, and a worker
that made other inputs would only return wrong results.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

# A view that spans more lies in host memory, where untouched pages cost nothing.
LARGEST_DEVICE_SPAN_BYTES = 1 << 30


class Data:
    """Makes the inputs of one case; the ``data`` fixture of a lesson's tests."""

    def __init__(self, seed: int, device: torch.device | str = "cpu") -> None:
        self._device = torch.device(device)
        self._generator = torch.Generator(self._device).manual_seed(seed)

    def normal(
        self,
        *shape: int,
        dtype: torch.dtype = torch.float32,
        mean: float = 0.0,
        std: float = 1.0,
    ) -> torch.Tensor:
        """Normally distributed values."""
        values = torch.randn(shape, generator=self._generator, device=self._device)
        return (values * std + mean).to(dtype)

    def uniform(
        self, low: float, high: float, *shape: int, dtype: torch.dtype = torch.float32
    ) -> torch.Tensor:
        """Values evenly distributed over [low, high)."""
        values = torch.rand(shape, generator=self._generator, device=self._device)
        return (values * (high - low) + low).to(dtype)

    def integers(
        self, low: int, high: int, *shape: int, dtype: torch.dtype = torch.int64
    ) -> torch.Tensor:
        """Whole numbers from ``low`` to ``high - 1``."""
        values = torch.randint(low, high, shape, generator=self._generator, device=self._device)
        return values.to(dtype)

    def number(self, low: float, high: float) -> float:
        """One Python float from [low, high)."""
        return float(self.uniform(low, high, 1, dtype=torch.float64)[0])

    @staticmethod
    def strided(tensor: torch.Tensor, strides: Sequence[int]) -> torch.Tensor:
        """The same values laid out with other strides (in elements).

        The gaps are never touched, so strides of many gigabytes cost nothing in host memory,
        which is where such a tensor lies. Rows of a dimension with stride 0 all show the
        values of the first.
        """
        reach = sum((n - 1) * stride for n, stride in zip(tensor.shape, strides, strict=True))
        device = "cpu" if reach * tensor.itemsize > LARGEST_DEVICE_SPAN_BYTES else tensor.device
        laid_out = torch.empty_strided(
            tensor.shape, tuple(strides), dtype=tensor.dtype, device=device
        )
        target, source = laid_out, tensor
        for dimension, stride in enumerate(strides):
            if stride == 0:
                target, source = target.narrow(dimension, 0, 1), source.narrow(dimension, 0, 1)
        target.copy_(source)
        return laid_out
