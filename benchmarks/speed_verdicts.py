"""How far a verdict on speed can be trusted on this GPU: repeated runs, counted decisions.

Needs an NVIDIA GPU. Prints a JSON object:

- ``against_itself``: the ratio of a baseline to itself, in fresh workers each time, and what
  would have been decided against thresholds 2% below and above 1;
- ``above`` and ``below``: verdicts on lesson 1's reference solution against thresholds 3% below
  and above the ratio that it has on average, in fresh workers each time.

    python -m benchmarks.speed_verdicts --runs 20 > docs/evidence/speed-verdicts.json
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import time
from typing import Any

import torch
import triton

from grader.authoring.calibrate import with_requests
from grader.judge.timing import machine
from grader.judge.timing.calibration import find
from grader.judge.timing.itself import against_itself
from grader.judge.timing.request import SpeedRequest
from grader.judge.timing.sequential import Trial, ratio_goal
from grader.judge.timing.statistics import LOOKS, decide
from grader.judge.timing.thresholds import UNCALIBRATED_BETWEEN_RUNS
from grader.lesson import Course, Lesson

LESSON, TEST = "lesson01", "test_add_speed"
MARGIN = 0.03
ALMOST = 0.02


def repeat_against_itself(lesson: Lesson, runs: int, noise: float) -> list[dict[str, Any]]:
    """The baseline against itself, and the decisions that its first look would give."""
    rows: list[dict[str, Any]] = []

    def measure(request: SpeedRequest) -> None:
        for run in range(runs):
            logs = against_itself(request, LOOKS[0])
            rows.append(
                {
                    "ratio": math.exp(statistics.fmean(logs)),
                    "at_0.98": decide(logs, 1 - ALMOST, noise).outcome.value,
                    "at_1.02": decide(logs, 1 + ALMOST, noise).outcome.value,
                }
            )
            print(f"against itself {run + 1}/{runs}: {rows[-1]}", file=sys.stderr)

    with_requests(lesson, (TEST,), measure)
    return rows


def repeat_verdicts(
    lesson: Lesson, runs: int, threshold: float, noise: float
) -> list[dict[str, Any]]:
    """Verdicts on the reference solution against one threshold."""
    rows: list[dict[str, Any]] = []

    def measure(request: SpeedRequest) -> None:
        started = time.monotonic()
        comparison = request.prepare()
        warm = time.monotonic()
        trial = Trial(ratio_goal(threshold), between_runs=noise)
        request.measured(trial, comparison)
        found = trial.decisions["ratio"]
        rows.append(
            {
                "outcome": found.outcome.value,
                "ratio": found.interval.ratio,
                "low": found.interval.low,
                "high": found.interval.high,
                "quadruples": found.interval.n,
                "replaced": len(trial.replaced),
                "prepare_s": round(warm - started, 2),
                "measure_s": round(time.monotonic() - warm, 2),
            }
        )
        print(f"against {threshold:.4f}: {rows[-1]}", file=sys.stderr)

    for _ in range(runs):
        with_requests(lesson, (TEST,), measure)
    return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--pilot", type=int, default=4, help="runs that find the true ratio")
    runs = parser.parse_args()
    course = Course.find()
    lesson = course.lesson(LESSON)
    calibration = find(course.root, torch.cuda.get_device_name())
    noise = calibration.between_runs if calibration else UNCALIBRATED_BETWEEN_RUNS
    state = machine.snapshot()
    itself = repeat_against_itself(lesson, runs.runs, noise)
    pilot = repeat_verdicts(lesson, runs.pilot, 100.0, noise)
    truth = math.exp(statistics.fmean(math.log(row["ratio"]) for row in pilot))
    print(
        json.dumps(
            {
                "gpu": state.to_json() if state else None,
                "versions": {"torch": torch.__version__, "triton": triton.__version__},
                "lesson": LESSON,
                "test": TEST,
                "between_runs": noise,
                "against_itself": itself,
                "reference_ratio": truth,
                "above": repeat_verdicts(lesson, runs.runs, truth / (1 + MARGIN), noise),
                "below": repeat_verdicts(lesson, runs.runs, truth * (1 + MARGIN), noise),
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
