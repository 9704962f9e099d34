"""How far a result may lie from the exact value.

A bound has two parts: what the computation may lose (``error``, given by the test, derived
from the operation and its reduction length) and what rounding once to the output's dtype loses.
Source: N. J. Higham, Accuracy and Stability of Numerical Algorithms, chapters 2 and 3.
"""

from __future__ import annotations

import torch

# A hair more than half a unit in the last place: the reference itself is rounded too.
ROUNDING_SLACK = 1.05


def unit_roundoff(dtype: torch.dtype) -> float:
    """Largest relative error of rounding to nearest: 2**-24 for fp32, 2**-8 for bf16."""
    return torch.finfo(dtype).eps / 2


def allowance(
    expected: torch.Tensor, dtype: torch.dtype, error: torch.Tensor | float
) -> torch.Tensor:
    """Largest accepted |result - expected| of each element, in float64.

    Args:
        expected: The exact values, float64.
        dtype: The output's dtype; integers allow nothing beyond ``error``.
        error: What the computation may lose before the final rounding.
    """
    bound = torch.as_tensor(error, dtype=torch.float64, device=expected.device).expand(
        expected.shape
    )
    if not dtype.is_floating_point:
        return bound
    rounding = ROUNDING_SLACK * unit_roundoff(dtype) * expected.abs()
    return bound + rounding + torch.finfo(dtype).smallest_normal * torch.finfo(dtype).eps
