"""Where checks register, and how they compare."""

from __future__ import annotations

from collections.abc import Callable

import torch

Check = Callable[[], None]

ALL: dict[str, Check] = {}

# Set to "cuda" to run the checks compiled, on a GPU.
DEVICE = "cpu"

NAN, INF = float("nan"), float("inf")


def check(name: str) -> Callable[[Check], Check]:
    """Register a check."""

    def register(function: Check) -> Check:
        ALL[name] = function
        return function

    return register


def tensor(values: object, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """A tensor where the kernels run."""
    return torch.tensor(values, dtype=dtype, device=DEVICE)


def normal(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """The same normal numbers on each run."""
    generator = torch.Generator().manual_seed(17)
    return torch.randn(*shape, generator=generator).to(DEVICE, dtype)


def out(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """Room for a result."""
    return torch.full(shape, 77, device=DEVICE).to(dtype)


def same(actual: torch.Tensor, expected: object) -> None:
    """Require equal values; NaN equals NaN.

    Raises:
        AssertionError: They differ.
    """
    wanted = torch.as_tensor(expected, dtype=torch.float64)
    wanted = wanted.cpu()
    given = actual.double().cpu().reshape(wanted.shape)
    if not ((given == wanted) | (given.isnan() & wanted.isnan())).all():
        raise AssertionError(f"got {given.tolist()!s:.300}, expected {wanted.tolist()!s:.300}")


def close(actual: torch.Tensor, expected: torch.Tensor, tolerance: float = 1e-5) -> None:
    """Require values within a tolerance, relative to the largest.

    Raises:
        AssertionError: They differ by more, or one is NaN.
    """
    wanted = expected.double().cpu()
    difference = (actual.double().cpu().reshape(wanted.shape) - wanted).abs().max().item()
    limit = tolerance * max(1.0, wanted.abs().max().item())
    if not difference <= limit:
        raise AssertionError(f"differs by {difference:.3g}, at most {limit:.3g} is right")
