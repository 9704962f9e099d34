"""The credit curve and its definition in ``lesson.toml``."""

from __future__ import annotations

import math
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.errors import LessonDefinitionError
from grader.judge.timing.credit import BANDWIDTH_CURVE, Curve, SpeedSpec

TOML = Path("course/lesson01/lesson.toml")
fixed = settings(derandomize=True, database=None, deadline=None, max_examples=50)
speeds = st.floats(0, 100, allow_nan=False)


@st.composite
def curves(draw: st.DrawFn) -> Curve:
    hundredths = st.sets(st.integers(0, 2000), min_size=3, max_size=3)
    zero, half, full = sorted(draw(hundredths))
    return Curve(zero / 100, half / 100, full / 100)


@fixed
@given(curves())
def test_the_curve_passes_through_its_three_points(curve: Curve) -> None:
    found = [curve.share(at) for at in (curve.zero, curve.half, curve.full)]
    assert found == pytest.approx([0.0, 0.5, 1.0])


@fixed
@given(curves(), speeds, speeds)
def test_faster_never_earns_less_and_all_shares_lie_between_zero_and_one(
    curve: Curve, one: float, other: float
) -> None:
    slower, faster = sorted((one, other))
    assert 0 <= curve.share(slower) <= curve.share(faster) <= 1


@fixed
@given(curves(), speeds, st.floats(0.1, 10))
def test_a_scaled_curve_gives_a_scaled_speed_the_same_share(
    curve: Curve, speed: float, factor: float
) -> None:
    assert curve.scaled(factor).share(speed * factor) == pytest.approx(curve.share(speed), abs=1e-6)


@fixed
@given(curves())
def test_there_is_no_cliff(curve: Curve) -> None:
    for point in (curve.zero, curve.half, curve.full):
        step = 1e-9 * min(curve.half - curve.zero, curve.full - curve.half)
        assert curve.share(point + step) - curve.share(max(0.0, point - step)) < 1e-6


@pytest.mark.parametrize(
    "points", [(0.5, 0.5, 1), (0.5, 0.9, 0.9), (-0.1, 0.5, 1), (0, 1, math.inf)]
)
def test_a_curve_that_does_not_rise_is_refused(points: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="must rise"):
        Curve(*points)


def test_bandwidth_earns_half_at_three_quarters_of_a_copy_and_all_at_nine_tenths() -> None:
    assert [BANDWIDTH_CURVE.share(x) for x in (0.5, 0.75, 0.9, 1.0)] == [0.0, 0.5, 1.0, 1.0]


# -- lesson.toml ---------------------------------------------------------------------------


def spec(text: str) -> SpeedSpec:
    return SpeedSpec.from_toml("test_add_speed", tomllib.loads(text), TOML)


def test_full_alone_is_enough() -> None:
    found = spec("full = 2.0")
    assert found.curve == Curve(zero=1.0, half=1.7, full=2.0)
    assert not found.memory_bound


def test_all_keys_are_read() -> None:
    found = spec("full = 1\nhalf = 0.8\nzero = 0.6\nmemory_bound = true")
    assert found == SpeedSpec("test_add_speed", Curve(0.6, 0.8, 1.0), memory_bound=True)


def test_a_low_half_lowers_the_zero_that_was_not_given() -> None:
    curve = spec("full = 2.0\nhalf = 0.85").curve
    assert curve.zero == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("half = 0.8", "'full' is missing"),
        ("full = 1\nthreshold = 2", "unknown key 'threshold'; known: full, half, zero"),
        ('full = "1.0"', "'full' is '1.0'"),
        ("full = true", "'full' is True"),
        ("full = nan", "'full' is nan"),
        ("full = -1", "'full' is -1"),
        ("full = 0", "'full' is 0"),
        ("full = 1\nhalf = 1.0", "'half' is 1, not below 'full'"),
        ("full = 1\nzero = 0.9", "'zero' is 0.9, not below 'half'"),
        ("full = 1\nmemory_bound = 1", "'memory_bound' is 1; expected true or false"),
    ],
)
def test_a_mistake_is_told_with_file_test_and_key(text: str, told: str) -> None:
    with pytest.raises(LessonDefinitionError) as raised:
        spec(text)
    message = str(raised.value)
    assert message.startswith("course/lesson01/lesson.toml: [speed.test_add_speed]")
    assert told in message


def test_an_entry_that_is_no_table_is_refused() -> None:
    with pytest.raises(LessonDefinitionError, match="expected a table"):
        SpeedSpec.from_toml("test_add_speed", 1.4, TOML)  # type: ignore[arg-type]
