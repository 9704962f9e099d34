"""What a trial is worth, what the student reads, and what the JSON holds."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from grader.judge.timing.calibration import Calibration
from grader.judge.timing.credit import Curve
from grader.judge.timing.machine import MachineState
from grader.judge.timing.record import (
    Circumstances,
    Sides,
    achieved,
    seconds_per_call,
    timing_json,
)
from grader.judge.timing.roofline import Ceiling, Work
from grader.judge.timing.sequential import Trial
from grader.judge.timing.statistics import LOOKS, Quadruple
from grader.judge.timing.thresholds import Threshold
from grader.judge.timing.verdict import Verdict, judge, not_discriminating, start_trial
from grader.results import Status
from tests.timing.test_calibration import H200

CURVE = Curve(zero=0.7, half=1.19, full=1.4)
BY_RATIO = Threshold(CURVE, CURVE, calibrated=True, between_runs=0.001)
BY_EITHER = replace(BY_RATIO, copy_bytes_per_s=4e12)
WORK = Work(bytes_moved=4e8)  # 100 us at the copy's bandwidth


def trial_of(ratio: float, student_s: float, threshold: Threshold, work: Work = WORK) -> Trial:
    """A steady trial: +-0.2% from one quadruple to the next."""
    trial = start_trial(threshold, work)
    steps = 0
    while not trial.finished:
        steps += 1
        b = student_s * (1.002 if steps % 2 else 0.998)
        trial.add(Quadruple(ratio * student_s, b, b, ratio * student_s))
    return trial


def verdict_of(ratio: float, student_s: float, threshold: Threshold) -> Verdict:
    return judge(trial_of(ratio, student_s, threshold), threshold, "torch_softmax")


def test_above_the_threshold_earns_everything() -> None:
    found = verdict_of(1.58, 1e-3, BY_RATIO)
    assert (found.status, found.share, found.counted) == (Status.PASSED, 1.0, "ratio")
    assert found.diagnosis is None
    assert found.explanation.startswith("1.58 times the speed of torch_softmax (1.5")


def test_below_it_the_curve_decides_on_the_estimate() -> None:
    found = verdict_of(1.19, 1e-3, BY_RATIO)
    assert found.status is Status.SLOW
    assert found.share == pytest.approx(0.5, abs=0.01)
    assert "all points from 1.40. This earns 50% of the points." in found.explanation
    assert found.diagnosis is not None
    assert found.diagnosis.kind == "too-slow"


def test_far_below_it_nothing_is_earned() -> None:
    found = verdict_of(0.5, 1e-3, BY_RATIO)
    assert (found.status, found.share) == (Status.SLOW, 0.0)


def test_too_close_to_call_is_never_guessed() -> None:
    found = verdict_of(1.4, 1e-3, BY_RATIO)
    assert (found.status, found.share) == (Status.INCONCLUSIVE, 0.0)
    assert "too close to 1.40" in found.explanation
    assert "no points are lost" in found.explanation


def test_full_bandwidth_passes_where_the_baseline_leaves_no_room() -> None:
    found = verdict_of(1.01, 1.05e-4, BY_EITHER)  # 95% of the copy
    assert (found.status, found.counted) == (Status.PASSED, "bandwidth")
    assert found.explanation.startswith("95% of this GPU's copy bandwidth")


def test_the_ratio_counts_first_where_both_are_reached() -> None:
    assert verdict_of(1.6, 1.05e-4, BY_EITHER).counted == "ratio"


def test_of_two_partial_credits_the_better_counts() -> None:
    found = verdict_of(0.9, 1 / 0.8 * 1e-4, BY_EITHER)  # 80% of the copy, 0.9 of the baseline
    assert (found.status, found.counted) == (Status.SLOW, "bandwidth")
    assert found.share == pytest.approx(0.5 + 0.5 * 0.05 / 0.15, abs=0.01)
    assert "by bandwidth" in found.explanation
    other = verdict_of(1.3, 1 / 0.6 * 1e-4, BY_EITHER)
    assert (other.status, other.counted) == (Status.SLOW, "ratio")


def test_points_are_not_lost_while_one_goal_is_open() -> None:
    found = verdict_of(1.0, 1 / 0.9 * 1e-4, BY_EITHER)
    assert (found.status, found.counted) == (Status.INCONCLUSIVE, "bandwidth")


def test_bandwidth_counts_only_where_the_test_tells_its_bytes() -> None:
    trial = trial_of(1.0, 1e-4, BY_EITHER, work=Work())
    assert judge(trial, BY_EITHER, "torch_add").status is Status.SLOW


def test_an_impossible_time_is_refused_whatever_the_ratio() -> None:
    trial = trial_of(3.0, 0.5e-4, BY_EITHER)
    student, baseline = achieved(trial.quadruples, WORK, Ceiling(4e12, 4e12))
    found = judge(trial, BY_EITHER, "torch_add", student.impossible(baseline))
    assert (found.status, found.share, found.kind) == (Status.REFUSED, 0.0, "impossible-speed")
    assert "8.00 TB/s" in found.explanation


def test_an_impossible_time_beside_others_on_the_gpu_accuses_nobody() -> None:
    trial = trial_of(3.0, 0.5e-4, BY_EITHER)
    student, baseline = achieved(trial.quadruples, WORK, Ceiling(4e12, 4e12))
    found = judge(trial, BY_EITHER, "torch_add", student.impossible(baseline), others=2)
    assert (found.status, found.kind) == (Status.INCONCLUSIVE, "speed-undecided")
    assert "or 2 other processes on this GPU spoilt the measurement" in found.explanation


def test_too_slow_while_others_work_on_the_gpu_costs_nothing() -> None:
    trial = trial_of(1.19, 1e-3, BY_RATIO)
    found = judge(trial, BY_RATIO, "torch_add", others=1)
    assert (found.status, found.kind) == (Status.INCONCLUSIVE, "speed-undecided")
    assert found.explanation.startswith("1.19 times the speed of torch_add")
    assert "but another process on this GPU may have taken its time" in found.explanation
    assert "no points are lost" in found.explanation
    assert judge(trial, BY_RATIO, "torch_add").status is Status.SLOW


def test_fast_enough_is_fast_enough_whoever_else_worked() -> None:
    assert judge(trial_of(1.58, 1e-3, BY_RATIO), BY_RATIO, "torch_add", others=3).share == 1.0


def test_a_trial_cut_short_is_inconclusive() -> None:
    trial = start_trial(BY_RATIO, WORK)
    trial.add(Quadruple(1e-3, 1e-3, 1e-3, 1e-3))
    found = judge(trial, BY_RATIO, "torch_add")
    assert found.status is Status.INCONCLUSIVE
    assert "Only 1 round could" in found.explanation


def test_where_speed_says_nothing_it_costs_nothing() -> None:
    assert not not_discriminating().status.is_judged


def test_disturbance_is_named_in_an_inconclusive_verdict() -> None:
    trial = start_trial(BY_RATIO, WORK)
    baseline = 1.4 * math.sqrt(0.9 * 1.1) * 1e-3
    while not trial.finished:
        trial.add(Quadruple(baseline, 0.9e-3, 1.1e-3, baseline))
    told = judge(trial, BY_RATIO, "torch_add").explanation
    assert "after 32 rounds. 32 of them were disturbed" in told


# -- the JSON ------------------------------------------------------------------------------


def measured(calibration: Calibration = H200) -> tuple[Trial, Verdict, Ceiling]:
    trial = trial_of(1.58, 1.05e-4, BY_EITHER)
    return trial, judge(trial, BY_EITHER, "torch_softmax"), Ceiling.of(calibration)


def test_the_json_holds_every_sample_and_plain_values_alone() -> None:
    trial, verdict, ceiling = measured()
    student, _ = achieved(trial.quadruples, WORK, ceiling)
    state = MachineState("NVIDIA H200", "570", 1.0, throttle=("power",))
    seen = Circumstances(Sides(1e-4, 1e-4), 300, state, state, ("GPU shared: 1 other process",))
    found = timing_json(trial, BY_EITHER, verdict, "torch_softmax", student, seen)
    again = json.loads(json.dumps(found, allow_nan=False))
    assert len(again["samples"]) == again["quadruples"] == LOOKS[0]
    assert again["samples"][0] == list(trial.quadruples[0].times)
    assert again["threshold"]["counted"] == "ratio"
    assert again["threshold"]["calibrated"] is True
    assert again["flags"] == ["GPU shared: 1 other process"]
    assert again["machine"]["before"]["throttle"] == ["power"]
    assert again["clock"] == {"decides": "wall", "events": {"baseline": 1e-4, "student": 1e-4}}
    assert again["ceiling"]["limit"] == "memory"


def test_the_times_told_have_the_ratio_told() -> None:
    trial, verdict, ceiling = measured()
    student, _ = achieved(trial.quadruples, WORK, ceiling)
    found = timing_json(trial, BY_EITHER, verdict, "torch_softmax", student)
    quotient = found["baseline"]["seconds_per_call"] / found["student"]["seconds_per_call"]
    assert quotient == pytest.approx(found["ratio"])


def test_disturbed_quadruples_that_count_are_flagged_and_the_others_kept_apart() -> None:
    trial = start_trial(BY_RATIO, WORK)
    while not trial.finished:
        trial.add(Quadruple(1.4e-3, 0.9e-3, 1.1e-3, 1.4e-3))
    verdict = judge(trial, BY_RATIO, "torch_softmax")
    student, _ = achieved(trial.quadruples, WORK, Ceiling())
    found = timing_json(trial, BY_RATIO, verdict, "torch_softmax", student)
    assert found["flags"] == [
        f"disturbed: {len(trial.quadruples)} of {len(trial.quadruples)} quadruples"
    ]
    assert len(found["replaced"]) == len(trial.replaced) > 0


def test_nothing_measured_has_no_times() -> None:
    with pytest.raises(ValueError, match="no quadruple"):
        seconds_per_call([])
