from __future__ import annotations

import math

import pytest
import torch

from grader.judge.compare import Mismatch, equal_elements, mismatch
from grader.protocol.tensors import DTYPES

INF, NAN = math.inf, math.nan
FLOATS = [dtype for dtype in DTYPES.values() if dtype.is_floating_point]
HALVES = [torch.float16, torch.bfloat16]


def wrong(
    got: torch.Tensor, expected: torch.Tensor, *, exact: bool = False, error: float = 0.0
) -> list[int]:
    """Flat indices of the elements found wrong."""
    found = mismatch(got, expected, exact=exact, error=error)
    return found.wrong.flatten().nonzero().flatten().tolist() if found else []


def exactly(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


# ------------------------------------------------------------ both ways


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("dtype", DTYPES.values(), ids=DTYPES)
def test_a_right_result_of_any_dtype_has_no_mismatch(dtype: torch.dtype, exact: bool) -> None:
    expected = exactly(0, 1, 1, 0)
    assert mismatch(expected.to(dtype), expected, exact=exact, error=0.0) is None


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("dtype", DTYPES.values(), ids=DTYPES)
def test_a_wrong_element_of_any_dtype_is_found(dtype: torch.dtype, exact: bool) -> None:
    assert wrong(exactly(0, 1, 0, 0).to(dtype), exactly(0, 1, 1, 0), exact=exact) == [2]


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, *HALVES, torch.float8_e5m2])
@pytest.mark.parametrize(
    ("got", "expected", "right"),
    [
        (NAN, NAN, True),
        (0.0, NAN, False),
        (NAN, 0.0, False),
        (NAN, INF, False),
        (INF, NAN, False),
        (INF, INF, True),
        (-INF, -INF, True),
        (INF, -INF, False),
        (1.0, INF, False),
        (INF, 1.0, False),
        (0.0, -0.0, True),
        (-0.0, 0.0, True),
    ],
)
def test_special_values_match_only_themselves(
    got: float, expected: float, right: bool, dtype: torch.dtype, exact: bool
) -> None:
    given = torch.tensor([1.0, got]).to(dtype)
    assert wrong(given, exactly(1.0, expected), exact=exact) == ([] if right else [1])


@pytest.mark.parametrize("error", [1e300, 1.0])
def test_no_tolerance_lets_nan_or_infinity_through(error: float) -> None:
    assert wrong(torch.tensor([NAN, INF, -INF]), exactly(1, 1, 1), error=error) == [0, 1, 2]
    assert wrong(torch.ones(3), exactly(NAN, INF, -INF), error=error) == [0, 1, 2]


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("shape", [(0,), (3, 0), (0, 5)])
def test_nothing_is_wrong_with_an_empty_result(shape: tuple[int, ...], exact: bool) -> None:
    assert mismatch(torch.empty(shape), torch.empty(shape), exact=exact, error=0.0) is None


@pytest.mark.parametrize("exact", [True, False])
def test_a_single_number_is_compared(exact: bool) -> None:
    assert wrong(torch.tensor(2.0), torch.tensor(2.0), exact=exact) == []
    found = mismatch(torch.tensor(2.0), torch.tensor(3.0), exact=exact, error=0.0)
    assert found is not None
    assert (found.count, found.first) == (1, ())


# ------------------------------------------------------- with tolerance


@pytest.mark.parametrize("dtype", FLOATS)
def test_a_result_rounded_once_is_right_and_its_neighbours_are_wrong(dtype: torch.dtype) -> None:
    exact = exactly(1.0)
    eps = torch.finfo(dtype).eps
    assert wrong((exact + 0.49 * eps).to(dtype), exact + 0.49 * eps) == []
    assert wrong((exact + eps).to(dtype), exact) == [0]
    assert wrong((exact - eps).to(dtype), exact) == [0]


@pytest.mark.parametrize("dtype", HALVES)
def test_rounding_twice_is_noticed(dtype: torch.dtype) -> None:
    x, y = torch.randn(2, 4000, dtype=torch.float64).to(dtype).unbind()
    expected = 0.3 * x.double() + y.double()
    once = (0.3 * x.float() + y.float()).to(dtype)
    twice = ((0.3 * x.float()).to(dtype).float() + y.float()).to(dtype)
    assert wrong(once, expected, error=1e-6) == []
    assert len(wrong(twice, expected, error=1e-6)) > 100


def test_the_error_allowed_may_differ_from_element_to_element() -> None:
    allowed = exactly(0.0, 0.5, 2.0)
    found = mismatch(torch.full((3,), 2.0), exactly(1, 1, 1), exact=False, error=allowed)
    assert found is not None
    assert found.wrong.tolist() == [True, True, False]


def test_subnormal_results_may_be_off_by_their_own_spacing_only() -> None:
    step = 2.0**-24  # the smallest fp16 number
    assert wrong(torch.tensor([2 * step], dtype=torch.float16), exactly(2.4 * step)) == []
    assert wrong(torch.tensor([4 * step], dtype=torch.float16), exactly(step)) == [0]


@pytest.mark.parametrize(
    ("exact", "got", "right"),
    [
        (65519.0, 65504.0, True),
        (65519.0, INF, False),
        (65520.0, INF, True),
        (1e30, INF, True),
        (1e30, 65504.0, False),
        (-1e30, -INF, True),
        (-1e30, INF, False),
    ],
)
def test_what_overflows_when_rounded_to_fp16_must_be_infinite(
    exact: float, got: float, right: bool
) -> None:
    given = torch.tensor([got], dtype=torch.float16)
    assert wrong(given, exactly(exact), error=1e-3) == ([] if right else [0])


# -------------------------------------------------------------- integers


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize(
    ("got", "expected"),
    [(2**53 + 1, 2**53), (2**62 + 1, 2**62), (-(2**63), -(2**63) + 1)],
)
def test_large_integers_are_not_compared_as_floats(got: int, expected: int, exact: bool) -> None:
    assert wrong(torch.tensor([got, 5]), torch.tensor([expected, 5]), exact=exact) == [0]


def test_integers_may_be_off_by_what_the_test_allows() -> None:
    got, expected = torch.tensor([10, 11, 12]), torch.tensor([11, 11, 10])
    assert wrong(got, expected, error=1) == [2]


@pytest.mark.parametrize("exact", [True, False])
def test_a_comparison_in_words_of_true_and_false(exact: bool) -> None:
    got, expected = torch.tensor([True, False, True]), torch.tensor([True, True, False])
    assert wrong(got, expected, exact=exact) == [1, 2]


# ----------------------------------------------------------- the mismatch


def test_a_mismatch_counts_the_wrong_elements_and_names_the_first() -> None:
    got, expected = torch.zeros(2, 3), torch.zeros(2, 3)
    got[0, 2] = got[1, 1] = 1
    found = mismatch(got, expected, exact=True, error=0.0)
    assert isinstance(found, Mismatch)
    assert (found.count, found.first) == (2, (0, 2))
    assert found.exact


def test_equal_elements_takes_a_nan_for_a_nan_of_any_bits() -> None:
    poison = torch.full((2,), -1, dtype=torch.int32).view(torch.float32)
    same = equal_elements(poison, torch.tensor([NAN, 0.0]))
    assert same.tolist() == [True, False]
