"""Intervals and decisions: exact where theory is exact, simulated where it promises a rate."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.judge.timing.statistics import (
    LEVEL,
    LOOKS,
    Outcome,
    Quadruple,
    decide,
    interval,
    is_disturbed,
    quadruple_log_ratio,
    t_quantile,
)
from tests.timing.noise import MACHINES, quadruples

fixed = settings(derandomize=True, database=None, deadline=None, max_examples=60)
times = st.floats(1e-7, 10.0)
RECORDED = sorted((Path(__file__).parent / "recorded").glob("*.json"))


# -- the unit ------------------------------------------------------------------------------


def test_a_student_who_takes_half_the_time_has_ratio_two() -> None:
    assert math.exp(quadruple_log_ratio(2e-3, 1e-3, 1e-3, 2e-3)) == pytest.approx(2.0)


@pytest.mark.parametrize("drift", [0.98, 1.0, 1.05])
def test_a_drift_by_the_same_factor_each_batch_cancels(drift: float) -> None:
    a, b = 3e-4, 2e-4
    found = quadruple_log_ratio(a, b * drift, b * drift**2, a * drift**3)
    assert found == pytest.approx(math.log(a / b))


def test_a_drift_by_the_same_seconds_each_batch_cancels_to_first_order() -> None:
    a, b, step = 3e-4, 3e-4, 3e-7  # 0.1% a batch
    found = quadruple_log_ratio(a, b + step, b + 2 * step, a + 3 * step)
    assert abs(found) < 2e-6


@fixed
@given(times, times, times, times)
def test_exchanging_the_sides_changes_the_sign_alone(
    a1: float, b1: float, b2: float, a2: float
) -> None:
    forward, backward = quadruple_log_ratio(a1, b1, b2, a2), quadruple_log_ratio(b1, a1, a2, b2)
    assert forward == pytest.approx(-backward, abs=1e-9)


@pytest.mark.parametrize("bad", [0.0, -1e-3, math.nan, math.inf])
def test_a_time_that_no_clock_shows_is_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="positive and finite"):
        Quadruple(1e-3, bad, 1e-3, 1e-3)


# -- disturbance ---------------------------------------------------------------------------


@pytest.mark.parametrize("struck", range(4))
def test_a_batch_that_was_interrupted_disturbs_its_quadruple_whichever_it_was(struck: int) -> None:
    batch = [2e-4, 1e-4, 1e-4, 2e-4]
    batch[struck] *= 1.06
    assert is_disturbed(Quadruple(*batch))


def test_a_large_ratio_disturbs_nothing() -> None:
    assert not is_disturbed(Quadruple(9e-4, 1e-4, 1.02e-4, 9.1e-4))


@fixed
@given(times, times, times, times)
def test_disturbance_is_the_same_for_both_sides(a1: float, b1: float, b2: float, a2: float) -> None:
    assert is_disturbed(Quadruple(a1, b1, b2, a2)) == is_disturbed(Quadruple(b1, a1, a2, b2))


# -- Student's t ---------------------------------------------------------------------------


def _integrated(t: float, degrees: int, steps: int = 4000) -> float:
    """P(|T| < t) by Simpson's rule on the density: knows nothing of the closed form."""
    log_scale = math.lgamma((degrees + 1) / 2) - math.lgamma(degrees / 2)
    scale = math.exp(log_scale) / math.sqrt(degrees * math.pi)
    width = t / steps
    weights = [1.0] + [4.0, 2.0] * (steps // 2 - 1) + [4.0, 1.0]
    density = ((1 + (i * width) ** 2 / degrees) ** (-(degrees + 1) / 2) for i in range(steps + 1))
    return 2 * scale * width / 3 * math.fsum(w * d for w, d in zip(weights, density, strict=True))


@pytest.mark.parametrize("degrees", [1, 2, 3, 4, 7, 15, 31, 60])
@pytest.mark.parametrize("level", [0.5, 0.95, LEVEL])
def test_t_quantiles_agree_with_the_integral_of_the_density(degrees: int, level: float) -> None:
    assert _integrated(t_quantile(level, degrees), degrees) == pytest.approx(level, abs=2e-7)


@pytest.mark.parametrize(
    ("level", "degrees", "printed"), [(0.95, 7, 2.365), (0.95, 15, 2.131), (0.99, 31, 2.744)]
)
def test_t_quantiles_agree_with_printed_tables(level: float, degrees: int, printed: float) -> None:
    assert t_quantile(level, degrees) == pytest.approx(printed, abs=5e-4)


@pytest.mark.parametrize(("level", "degrees"), [(0.0, 3), (1.0, 3), (0.9, 0)])
def test_there_is_no_quantile_outside_the_distribution(level: float, degrees: int) -> None:
    with pytest.raises(ValueError, match="no t quantile"):
        t_quantile(level, degrees)


# -- intervals and decisions ---------------------------------------------------------------


def test_an_interval_surrounds_the_geometric_mean() -> None:
    found = interval([math.log(1.2), math.log(1.3)], level=0.9)
    assert found.low < found.ratio < found.high
    assert found.ratio == pytest.approx(math.sqrt(1.2 * 1.3))


def test_noise_between_runs_widens_even_a_perfectly_steady_measurement() -> None:
    steady = [0.0] * 8
    assert interval(steady).high == 1.0
    widened = interval(steady, between_runs=0.002)
    assert math.log(widened.high) == pytest.approx(t_quantile(LEVEL, 7) * 0.002)


@pytest.mark.parametrize("values", [[], [0.1], [0.1, math.nan]])
def test_an_interval_needs_two_finite_values(values: list[float]) -> None:
    with pytest.raises(ValueError, match="two or more finite"):
        interval(values)


@pytest.mark.parametrize("count", [2, 3, 5, 7, 9, 15, 17, 31, 33])
def test_no_decision_is_made_between_looks(count: int) -> None:
    with pytest.raises(ValueError, match="decisions are made after"):
        decide([0.0] * count, 1.0)


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize(
    ("ratio", "outcome"),
    [(1.1, Outcome.ABOVE), (0.9, Outcome.BELOW), (1.0, Outcome.UNDECIDED)],
)
def test_a_decision_needs_the_whole_interval_on_one_side(
    look: int, ratio: float, outcome: Outcome
) -> None:
    log_ratios = [math.log(ratio) + (0.01 if i % 2 else -0.01) for i in range(look)]
    found = decide(log_ratios, 1.0)
    assert found.outcome is outcome
    assert found.is_final == (outcome is not Outcome.UNDECIDED or look == LOOKS[-1])


@pytest.mark.parametrize("machine", ["quiet", "ordinary", "rough", "warming up"])
def test_each_look_covers_the_truth_as_often_as_it_says(machine: str) -> None:
    """Rates over 400 fixed runs, within three standard errors of 98.75%; hiccups included."""
    runs, truth = 400, 1.4
    covered = dict.fromkeys(LOOKS, 0)
    for seed in range(runs):
        source = quadruples(MACHINES[machine], truth, seed)
        undisturbed = (each for each in source if not is_disturbed(each))
        values = [next(undisturbed).log_ratio for _ in range(LOOKS[-1])]
        for look in LOOKS:
            found = interval(values[:look])
            covered[look] += found.low <= truth <= found.high
    slack = 3 * math.sqrt(LEVEL * (1 - LEVEL) / runs)
    assert min(covered.values()) / runs >= LEVEL - slack


def test_looking_after_every_quadruple_would_be_wrong_many_times_as_often() -> None:
    """Why looks are few: at 95% after each of 2 to 32 quadruples, errors pile up."""
    wrong, runs = 0, 200
    for seed in range(runs):
        draw = random.Random(seed)
        values = [draw.gauss(0, 0.005) for _ in range(LOOKS[-1])]
        found = (interval(values[:n], level=0.95) for n in range(2, LOOKS[-1] + 1))
        wrong += any(each.low > 1 or each.high < 1 for each in found)
    assert wrong / runs > 0.25


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_recorded_samples_are_decided_as_they_were(path: Path) -> None:
    record = json.loads(path.read_text())
    kept = [each for each in (Quadruple(*s) for s in record["samples"]) if not is_disturbed(each)]
    look = max(look for look in LOOKS if look <= len(kept))
    for threshold, outcome in record["expected"].items():
        values = [each.log_ratio for each in kept[:look]]
        assert decide(values, float(threshold)).outcome.value == outcome


def test_the_first_look_contradicts_the_second_on_no_recorded_trial() -> None:
    """Of reference solutions on a GPU; the first look is for clear cases, and saves time."""
    path = Path(__file__).parents[2] / "docs/evidence/speed-samples-h200.json"
    outcomes = []
    for trial in json.loads(path.read_text())["trials"]:
        logs = [Quadruple(*times).log_ratio for times in trial["samples"]]
        outcomes.append(tuple(decide(logs[:look], trial["full"]).outcome for look in LOOKS[:2]))
    decided = [pair for pair in outcomes if pair[0] is not Outcome.UNDECIDED]
    assert all(first is second for first, second in decided)
    assert len(decided) > 0.9 * len(outcomes) > 40
