from __future__ import annotations

import pytest
import torch

from grader.judge.tolerance import ROUNDING_SLACK, allowance, unit_roundoff

FLOATS = [torch.float64, torch.float32, torch.float16, torch.bfloat16,
          torch.float8_e4m3fn, torch.float8_e5m2]  # fmt: skip


@pytest.mark.parametrize(
    ("dtype", "bits"),
    [
        (torch.float64, 53),
        (torch.float32, 24),
        (torch.float16, 11),
        (torch.bfloat16, 8),
        (torch.float8_e4m3fn, 4),
        (torch.float8_e5m2, 3),
    ],
)
def test_rounding_to_nearest_loses_half_a_unit_in_the_last_place(
    dtype: torch.dtype, bits: int
) -> None:
    assert unit_roundoff(dtype) == 2.0**-bits


@pytest.mark.parametrize("dtype", FLOATS)
def test_the_allowance_grows_with_the_value_and_never_vanishes(dtype: torch.dtype) -> None:
    exact = torch.tensor([0.0, 1.0, -8.0], dtype=torch.float64)
    zero, one, eight = allowance(exact, dtype, 0.0).tolist()
    smallest = torch.finfo(dtype).smallest_normal * torch.finfo(dtype).eps
    assert zero == smallest
    assert one == pytest.approx(ROUNDING_SLACK * unit_roundoff(dtype) + smallest)
    assert eight - smallest == pytest.approx(8 * (one - smallest))


@pytest.mark.parametrize("dtype", FLOATS)
def test_correct_rounding_lies_within_the_allowance_of_no_error(dtype: torch.dtype) -> None:
    exact = torch.cat([torch.rand(2000, dtype=torch.float64) * scale for scale in (1e-6, 1, 100)])
    rounded = exact.to(dtype).double()
    assert ((rounded - exact).abs() <= allowance(exact, dtype, 0.0)).all()


@pytest.mark.parametrize("dtype", FLOATS)
def test_the_neighbour_of_the_right_value_does_not(dtype: torch.dtype) -> None:
    exact = torch.tensor([1.0], dtype=torch.float64)
    neighbour = exact + torch.finfo(dtype).eps
    assert (neighbour - exact > allowance(exact, dtype, 0.0)).all()


def test_what_the_computation_may_lose_is_added_element_by_element() -> None:
    exact = torch.zeros(2, 2, dtype=torch.float64)
    nothing = allowance(exact, torch.float32, 0.0)
    error = torch.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=torch.float64)
    assert torch.equal(allowance(exact, torch.float32, error) - nothing, error)
    assert torch.equal(allowance(exact, torch.float32, 0.5) - nothing, torch.full((2, 2), 0.5))
    row = torch.tensor([1.0, 2.0], dtype=torch.float64)
    assert torch.equal((allowance(exact, torch.float32, row) - nothing)[1], row)


@pytest.mark.parametrize("dtype", [torch.int64, torch.int8, torch.bool])
def test_integers_may_lose_nothing_to_rounding(dtype: torch.dtype) -> None:
    exact = torch.tensor([0.0, 1e6], dtype=torch.float64)
    assert allowance(exact, dtype, 0.0).tolist() == [0, 0]
    assert allowance(exact, dtype, 1).tolist() == [1, 1]
