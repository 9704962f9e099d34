"""Element-by-element comparison of a returned tensor with the exact values."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from grader.judge.tolerance import allowance


@dataclass(frozen=True)
class Mismatch:
    """Where a result is wrong.

    Attributes:
        got: The returned elements, contiguous.
        expected: The right values: exact in float64, or of the output's dtype.
        wrong: Which elements are wrong, bool, of the same shape.
        exact: Whether equality was asked for.
        error: What the computation may lose before the final rounding.
    """

    got: torch.Tensor
    expected: torch.Tensor
    wrong: torch.Tensor
    exact: bool
    error: torch.Tensor | float = 0.0

    @property
    def count(self) -> int:
        """How many elements are wrong."""
        return int(self.wrong.sum())

    @property
    def first(self) -> tuple[int, ...]:
        """Index of the first wrong element in row-major order."""
        return tuple(int(i) for i in self.wrong.nonzero()[0])


def equal_elements(got: torch.Tensor, expected: torch.Tensor) -> torch.Tensor:
    """Which elements are equal; a NaN equals a NaN."""
    same = got == expected
    if got.dtype.is_floating_point and expected.dtype.is_floating_point:
        same |= got.isnan() & expected.isnan()
    return same


def close_elements(
    got: torch.Tensor,
    expected: torch.Tensor,
    error: torch.Tensor | float,
) -> torch.Tensor:
    """Which elements lie within the allowance; NaN and infinity must match exactly."""
    exact = expected.double()
    # What overflows when rounded to the output's dtype is infinite in a right result too.
    rounded = exact.to(got.dtype)
    special = ~torch.isfinite(rounded.double())
    difference = (got.double() - exact).abs()
    within = difference <= allowance(exact, got.dtype, error)
    return torch.where(special, equal_elements(got, rounded), within)


def mismatch(
    got: torch.Tensor,
    expected: torch.Tensor,
    *,
    exact: bool,
    error: torch.Tensor | float,
) -> Mismatch | None:
    """Compare tensors of equal shape; ``None`` when every element is right.

    Args:
        got: The returned elements.
        expected: The right values.
        exact: Ask for equality in the output's dtype.
        error: Allowance of the computation, see ``grader.judge.tolerance``.
    """
    expected = expected.to(got.device)
    # float64 does not tell large integers apart.
    whole = not (got.dtype.is_floating_point or expected.dtype.is_floating_point)
    if exact or (whole and not torch.as_tensor(error).any()):
        right = equal_elements(got, expected.to(got.dtype))
    else:
        right = close_elements(got, expected, error)
    wrong = ~right
    return Mismatch(got, expected, wrong, exact, error) if bool(wrong.any()) else None
