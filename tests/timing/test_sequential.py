"""Trials: when they stop, what they replace, and how often they are wrong."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable
from statistics import fmean

import pytest

from grader.judge.timing.sequential import (
    BANDWIDTH,
    RATIO,
    Trial,
    bandwidth_goal,
    ratio_goal,
)
from grader.judge.timing.statistics import LOOKS, Outcome, Quadruple
from tests.timing.noise import MACHINES, Noise, outcomes, quadruples, run_trial

FULL = 1.4
FAST = Quadruple(2e-4, 1e-4, 1e-4, 2e-4)
STRUCK = Quadruple(2e-4, 1e-4, 1.5e-4, 2e-4)


def feed(trial: Trial, source: Iterable[Quadruple]) -> Trial:
    for quadruple in source:
        if trial.finished:
            break
        trial.add(quadruple)
    return trial


def estimate(trial: Trial, goal: str = RATIO) -> float:
    found = trial.interval(goal)
    assert found is not None
    return found.ratio


# -- stopping ------------------------------------------------------------------------------


def test_a_clear_case_is_decided_at_the_first_look_and_not_before() -> None:
    trial = Trial(ratio_goal(FULL))
    for _ in range(LOOKS[0] - 1):
        trial.add(FAST)
        assert not trial.decisions
        assert not trial.finished
    trial.add(FAST)
    assert trial.finished
    assert trial.decisions[RATIO].outcome is Outcome.ABOVE


def test_a_case_on_the_threshold_is_measured_to_the_last_look_and_no_further() -> None:
    wavering = [Quadruple(x, 1e-4, 1e-4, x) for x in (1.42e-4, 1.38e-4)] * 20
    trial = feed(Trial(ratio_goal(FULL)), wavering)
    assert len(trial.quadruples) == LOOKS[-1]
    assert trial.decisions[RATIO].outcome is Outcome.UNDECIDED
    with pytest.raises(ValueError, match="finished"):
        trial.add(FAST)


def test_decisions_are_made_at_looks_alone() -> None:
    trial = Trial(ratio_goal(FULL))
    source = quadruples(Noise(batch=0.05), FULL, seed=1)
    made = []
    while not trial.finished:
        before = trial.decisions
        trial.add(next(source))
        if trial.decisions is not before:
            made.append(len(trial.quadruples))
    assert made == list(LOOKS)


def test_reaching_the_bandwidth_goal_is_enough() -> None:
    copy = bandwidth_goal(0.9, bytes_moved=4e8, copy_bytes_per_s=4.2e12)
    slow_ratio = Quadruple(1e-4, 1e-4, 1e-4, 1e-4)  # 4 TB/s, but no faster than the baseline
    trial = feed(Trial(ratio_goal(FULL), copy), [slow_ratio] * 40)
    assert len(trial.quadruples) == LOOKS[0]
    assert trial.decisions[RATIO].outcome is Outcome.BELOW
    assert trial.decisions[BANDWIDTH].outcome is Outcome.ABOVE
    assert estimate(trial, BANDWIDTH) == pytest.approx(4 / 4.2)


def test_falling_short_of_one_goal_does_not_end_a_trial_while_the_other_is_open() -> None:
    copy = bandwidth_goal(0.9, bytes_moved=0.9e-4 * 4e12, copy_bytes_per_s=4e12)
    wavering = [Quadruple(1e-4, x, x, 1e-4) for x in (1.01e-4, 0.99e-4)] * 20
    trial = feed(Trial(ratio_goal(FULL), copy), wavering)
    assert len(trial.quadruples) == LOOKS[-1]


def test_a_trial_that_was_stopped_early_still_shows_an_interval() -> None:
    trial = Trial(ratio_goal(FULL))
    trial.add(FAST)
    assert trial.interval() is None
    trial.add(FAST)
    found = trial.interval()
    assert found is not None
    assert (found.ratio, found.n) == (pytest.approx(2.0), 2)


# -- replacing -----------------------------------------------------------------------------


def test_a_disturbed_quadruple_is_measured_again_and_stays_in_the_record() -> None:
    trial = feed(Trial(ratio_goal(FULL)), [FAST, STRUCK, *[FAST] * 30])
    assert trial.replaced == [STRUCK]
    assert STRUCK not in trial.quadruples
    assert trial.disturbed == 0


def test_where_all_are_disturbed_the_trial_still_ends() -> None:
    wavering = [Quadruple(x, 1e-4, 1.2e-4, x) for x in (1.42e-4, 1.68e-4)] * 40
    trial = feed(Trial(ratio_goal(FULL)), wavering)
    assert len(trial.replaced) == LOOKS[-1] // 4
    assert trial.disturbed == len(trial.quadruples) == LOOKS[-1]


def test_replacing_moves_the_estimate_of_neither_side() -> None:
    noise = Noise(batch=0.004, hiccup_rate=0.05)
    trials = [run_trial(noise, FULL, 1.0, seed) for seed in range(300)]
    assert sum(len(trial.replaced) for trial in trials) > 100
    assert abs(fmean(math.log(estimate(trial) / FULL) for trial in trials)) < 1e-3


def test_a_student_who_disturbs_quadruples_at_will_gains_next_to_nothing() -> None:
    """It sees its first batch, and spoils the second when the first was slow by chance."""
    batch = 0.01
    gains = []
    for seed in range(300):
        draw = random.Random(seed)
        trial = Trial(ratio_goal(2 * FULL))
        while not trial.finished:
            a1, b1, b2, a2 = (math.exp(draw.gauss(0, batch)) for _ in range(4))
            may_spoil = len(trial.replaced) < trial.next_look // 4
            if b1 > 1 + 0.3 * batch and may_spoil:
                b2 *= 1.3
            trial.add(Quadruple(a1, b1, b2, a2))
        gains.append(math.log(estimate(trial)))
    assert fmean(gains) < 0.003


# -- how often a trial is wrong ------------------------------------------------------------


@pytest.mark.parametrize("machine", MACHINES)
def test_at_the_threshold_at_most_one_run_in_twenty_is_decided(machine: str) -> None:
    noise = MACHINES[machine]
    found = outcomes(noise, FULL, FULL, runs=300, between_runs=noise.between_runs)
    assert found[Outcome.ABOVE] + found[Outcome.BELOW] <= 0.05


@pytest.mark.parametrize("machine", ["quiet", "ordinary", "rough", "warming up", "differs by run"])
@pytest.mark.parametrize(
    ("factor", "right", "wrong"),
    [(1.03, Outcome.ABOVE, Outcome.BELOW), (1 / 1.03, Outcome.BELOW, Outcome.ABOVE)],
)
def test_three_percent_from_the_threshold_the_verdict_is_stable(
    machine: str, factor: float, right: Outcome, wrong: Outcome
) -> None:
    noise = MACHINES[machine]
    found = outcomes(noise, FULL * factor, FULL, runs=200, between_runs=noise.between_runs)
    assert found[wrong] == 0
    assert found[right] >= 0.98


def test_replacing_is_worth_it_on_a_rough_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    def undecided() -> float:
        return outcomes(MACHINES["many hiccups"], FULL * 1.03, FULL, 150)[Outcome.UNDECIDED]

    with_replacing = undecided()
    monkeypatch.setattr("grader.judge.timing.sequential.is_disturbed", lambda _: False)
    assert with_replacing < 0.12 < 0.3 < undecided()


def test_without_the_noise_between_runs_a_rerun_would_often_overturn_a_verdict() -> None:
    noise = MACHINES["differs by run"]
    blind = outcomes(noise, FULL, FULL, runs=150)
    aware = outcomes(noise, FULL, FULL, runs=150, between_runs=noise.between_runs)
    assert blind[Outcome.UNDECIDED] < 0.6
    assert aware[Outcome.UNDECIDED] > 0.95


def test_a_baseline_against_itself_decides_neither_for_two_percent_nor_against() -> None:
    for machine in ("quiet", "ordinary"):
        assert outcomes(MACHINES[machine], 1.0, 0.98, runs=60)[Outcome.BELOW] == 0
        assert outcomes(MACHINES[machine], 1.0, 1.02, runs=60)[Outcome.ABOVE] == 0
