"""Batches as a GPU would time them, with every disturbance that was seen or is feared.

A batch's log-time is the side's own, plus: independent noise, a drift of the whole machine
(linear, and a random walk), now and then a hiccup that lengthens one batch, and an offset of
the whole run (``between_runs``) that no number of quadruples shows.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass

from grader.judge.timing.sequential import Trial, ratio_goal
from grader.judge.timing.statistics import Outcome, Quadruple

BASELINE_SECONDS = 56.6e-6  # one softmax call of 4096 x 4096 on an H200


@dataclass(frozen=True)
class Noise:
    """Standard deviations and rates; logs of time, so 0.01 is 1%."""

    batch: float = 0.005
    drift_per_batch: float = 0.0
    walk_per_batch: float = 0.0
    hiccup_rate: float = 0.0
    hiccup_mean: float = 0.2
    between_runs: float = 0.0


MACHINES = {
    "quiet": Noise(batch=0.003),
    "ordinary": Noise(batch=0.006, drift_per_batch=2e-4, walk_per_batch=5e-4, hiccup_rate=0.01),
    "rough": Noise(batch=0.01, drift_per_batch=5e-4, walk_per_batch=1e-3, hiccup_rate=0.03),
    "warming up": Noise(batch=0.005, drift_per_batch=4e-3),
    "small hiccups": Noise(batch=0.003, hiccup_rate=0.05, hiccup_mean=0.03),
    "many hiccups": Noise(batch=0.003, hiccup_rate=0.05, hiccup_mean=0.5),
    "differs by run": Noise(batch=0.004, between_runs=0.003),
}


def quadruples(noise: Noise, ratio: float, seed: int) -> Iterator[Quadruple]:
    """Endless quadruples of a student whose true ratio is ``ratio``."""
    draw = random.Random(seed)
    machine = 0.0
    offset = draw.gauss(0, noise.between_runs)
    student = -math.log(ratio) - offset

    def batch(side: float) -> float:
        nonlocal machine
        machine += noise.drift_per_batch + draw.gauss(0, noise.walk_per_batch)
        log_time = side + machine + draw.gauss(0, noise.batch)
        if draw.random() < noise.hiccup_rate:
            log_time += math.log1p(draw.expovariate(1 / noise.hiccup_mean))
        return BASELINE_SECONDS * math.exp(log_time)

    while True:
        yield Quadruple(batch(0), batch(student), batch(student), batch(0))


def run_trial(
    noise: Noise, ratio: float, full: float, seed: int, between_runs: float = 0.0
) -> Trial:
    """A whole trial of the ratio goal."""
    trial = Trial(ratio_goal(full), between_runs=between_runs)
    source = quadruples(noise, ratio, seed)
    while not trial.finished:
        trial.add(next(source))
    return trial


def outcomes(
    noise: Noise, ratio: float, full: float, runs: int, between_runs: float = 0.0
) -> dict[Outcome, float]:
    """Share of each outcome over many trials."""
    counts = dict.fromkeys(Outcome, 0)
    for seed in range(runs):
        counts[run_trial(noise, ratio, full, seed, between_runs).decisions["ratio"].outcome] += 1
    return {outcome: count / runs for outcome, count in counts.items()}


def _print_rates(runs: int = 2000, full: float = 1.4) -> None:
    columns = ("wrong at full", "wrong at +3%", "open at +3%", "wrong at -3%", "open at -3%")
    print(f"{'machine':16}" + "".join(f"{column:>15}" for column in columns))
    for name, noise in MACHINES.items():
        between = noise.between_runs
        at, above, below = (
            outcomes(noise, full * factor, full, runs, between) for factor in (1, 1.03, 1 / 1.03)
        )
        rates = (
            1 - at[Outcome.UNDECIDED],
            above[Outcome.BELOW],
            above[Outcome.UNDECIDED],
            below[Outcome.ABOVE],
            below[Outcome.UNDECIDED],
        )
        print(f"{name:16}" + "".join(f"{rate:15.4f}" for rate in rates))


if __name__ == "__main__":
    _print_rates()
