from __future__ import annotations

import pytest
import torch

from grader.protocol.data import Data


def test_the_same_seed_makes_the_same_inputs() -> None:
    one, two, other = Data(5), Data(5), Data(6)
    first, second, third = (data.normal(100) for data in (one, two, other))
    assert torch.equal(first, second)
    assert not torch.equal(first, third)
    assert one.number(0, 1) == two.number(0, 1)


def test_two_tensors_of_one_case_differ() -> None:
    data = Data(5)
    assert not torch.equal(data.normal(100), data.normal(100))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_inputs_have_the_dtype_and_shape_asked_for(dtype: torch.dtype) -> None:
    made = Data(1).normal(3, 0, 2, dtype=dtype)
    assert (made.dtype, made.shape) == (dtype, (3, 0, 2))


def test_uniform_values_and_integers_keep_to_their_range() -> None:
    data = Data(2)
    values = data.uniform(-2.0, 3.0, 1000)
    assert -2 <= float(values.min()) < -1.5
    assert 2.5 < float(values.max()) < 3
    assert set(data.integers(4, 7, 1000).tolist()) == {4, 5, 6}
    assert data.integers(0, 2, 3, dtype=torch.int32).dtype == torch.int32


def test_strided_lays_the_same_values_out_with_other_strides() -> None:
    values = torch.arange(6.0).view(2, 3)
    laid_out = Data.strided(values, (7, 2))
    assert laid_out.stride() == (7, 2)
    assert torch.equal(laid_out, values)


def test_stride_zero_shows_the_first_row_everywhere() -> None:
    laid_out = Data.strided(torch.arange(6.0).view(2, 3), (0, 1))
    assert laid_out.stride() == (0, 1)
    assert laid_out.tolist() == [[0, 1, 2], [0, 1, 2]]
