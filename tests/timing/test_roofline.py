"""Rates, shares of the ceiling, and times that cannot be true."""

from __future__ import annotations

from dataclasses import replace

import pytest

from grader.judge.timing.roofline import Achieved, Ceiling, Work
from grader.report.timing_view import rate_sentence
from grader.units import quantity

CEILING = Ceiling(4.25e12, 4.5e12, {"float16": 7.6e14, "int8": 1.3e15})
COPY = Work(bytes_moved=4.25e8)  # 100 us at the ceiling
PRODUCT = Work(bytes_moved=4e8, flops=1.1e12)  # 8192 cubed, fp16


def test_a_memory_bound_call_is_measured_against_the_copy() -> None:
    found = Achieved(COPY, 125e-6, CEILING)
    assert found.bytes_per_s == pytest.approx(3.4e12)
    assert (found.limit, found.share) == ("memory", pytest.approx(0.8))
    assert found.flops_per_s is None


def test_the_ceiling_that_binds_is_the_one_that_takes_longer() -> None:
    found = Achieved(PRODUCT, 2e-3, CEILING)
    assert found.limit == "compute"
    assert found.share == pytest.approx(1.1e12 / 7.6e14 / 2e-3)


def test_without_a_ceiling_there_is_a_rate_but_no_share() -> None:
    found = Achieved(PRODUCT, 2e-3, Ceiling())
    assert (found.share, found.limit) == (None, None)
    assert found.to_json()["achieved_flops"] == pytest.approx(5.5e14)


def test_integer_products_have_a_ceiling_of_their_own() -> None:
    ceiling = replace(CEILING, flops_per_s={"float16": 760e12, "int8": 1.6e15})
    work = Work(flops=1.1e12, dtype="int8")
    assert Achieved(work, 1e-3, ceiling).share == pytest.approx(1.1e15 / 1.6e15)


def test_a_vendors_slow_integer_product_is_no_ceiling() -> None:
    work = Work(flops=1.3e12, dtype="int8")
    ceiling = replace(CEILING, flops_per_s={"float16": 760e12, "int8": 0.97e15})
    vendor = Achieved(work, 1.3e-3, ceiling)
    assert Achieved(work, 1e-3, ceiling).share == pytest.approx(1.3e15 / (2 * 760e12))
    assert Achieved(work, 1e-3, ceiling).impossible(vendor) is None
    assert Achieved(work, 0.4e-3, ceiling).impossible(vendor) is not None


@pytest.mark.parametrize(("share", "refused"), [(1.0, False), (1.049, False), (1.06, True)])
def test_more_than_five_percent_above_every_ceiling_is_impossible(
    share: float, refused: bool
) -> None:
    slow = Achieved(COPY, 1e-3, CEILING)
    seconds = COPY.bytes_moved / (share * 4.5e12)  # type: ignore[operator]
    told = Achieved(COPY, seconds, CEILING).impossible(slow)
    assert (told is not None) is refused
    if told:
        assert told.startswith("4.77 TB/s is more than this GPU can do (4.50 TB/s)")


def test_a_baseline_faster_than_the_calibration_raises_the_ceiling() -> None:
    """Products run a quarter faster on a cool GPU: no honest student is refused for it."""
    cool = Achieved(PRODUCT, 1.1e12 / 9e14, CEILING)
    assert Achieved(PRODUCT, 1.1e12 / 9.2e14, CEILING).impossible(cool) is None
    assert Achieved(PRODUCT, 1.1e12 / 9.6e14, CEILING).impossible(cool) is not None


def test_nothing_is_impossible_where_no_ceiling_is_known() -> None:
    assert Achieved(COPY, 1e-9, Ceiling()).impossible(Achieved(COPY, 1, Ceiling())) is None


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (4.123e12, "4.12 TB/s"),
        (742.4e12, "742 TB/s"),
        (56.6e9, "56.6 GB/s"),
        (999.7e9, "1.00 TB/s"),
        (9.996, "10.0 B/s"),
        (3e18, "3000 PB/s"),
    ],
)
def test_a_rate_is_told_in_three_digits(value: float, told: str) -> None:
    assert quantity(value, "B/s") == told


@pytest.mark.parametrize(
    ("work", "seconds", "told"),
    [
        (COPY, 103e-6, "4.13 TB/s, 97% of this GPU's 4.25 TB/s"),
        (PRODUCT, 1.6e-3, "688 TFLOP/s, 90% of this GPU's 760 TFLOP/s"),
        (Work(flops=1.1e12, dtype="int8"), 1e-3, "1.10 POP/s, 72% of this GPU's 1.52 POP/s"),
        (Work(), 1e-3, None),
    ],
)
def test_the_sentence_names_rate_and_share(work: Work, seconds: float, told: str | None) -> None:
    assert rate_sentence(Achieved(work, seconds, CEILING).to_json()) == told


def test_a_data_sheet_is_called_one() -> None:
    ceiling = Ceiling(bytes_per_s=4.9e12, source="theoretical")
    told = rate_sentence(Achieved(COPY, 1e-4, ceiling).to_json())
    assert told == "4.25 TB/s, 87% of this GPU's theoretical 4.90 TB/s"
