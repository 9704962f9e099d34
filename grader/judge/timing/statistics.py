"""From batches timed in ABBA order to a decision against a threshold.

The unit is the log-ratio of one quadruple: baseline, student, student, baseline, or its mirror
image. A drift that is linear in time, such as a GPU that warms up, adds the same to both sides
of a quadruple and cancels. Quadruples are then close to independent, and their mean has a
t-interval.

**Looks.** Decisions are made after exactly 4, 8, 16 and 32 quadruples, each on a two-sided
interval at 1 - 0.05/4 = 98.75%. By Bonferroni's inequality all four cover the truth together
with at least 95%, so a submission exactly at its threshold is decided either way in at most
5% of runs (4.2% of 300,000 simulated ones). Looking after every quadruple would decide wrongly
in nearly half of them. The look after 4 is for clear cases: its interval is 2.3 times as wide as
the one after 8.

**Between runs.** Two runs of the same pair of programs differ by more than their quadruples
show: allocations lie elsewhere, clocks settle elsewhere. That part does not shrink with more
quadruples. Its standard deviation, ``between_runs``, is measured by ``course calibrate`` and
added in quadrature to the standard error; without it a rerun could overturn a decision.

This module knows nothing of workers, credit or JSON. Times are seconds per call.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

LOOKS = (4, 8, 16, 32)
"""Numbers of quadruples after which a decision may be made."""

LEVEL = 1 - 0.05 / len(LOOKS)
"""Two-sided coverage of the interval at one look."""

DISTURBED = 0.05
"""Largest |ln(A1/A2)| or |ln(B1/B2)| of an undisturbed quadruple; see ``is_disturbed``."""


@dataclass(frozen=True)
class Quadruple:
    """Times of four batches in seconds per call, run as A B B A or as B A A B.

    Attributes:
        a1: Baseline, first.
        b1: Student, first.
        b2: Student, second.
        a2: Baseline, second.

    Raises:
        ValueError: A time is not a positive finite number.
    """

    a1: float
    b1: float
    b2: float
    a2: float

    def __post_init__(self) -> None:
        """Refuse times that no clock can show."""
        if not all(math.isfinite(time) and time > 0 for time in self.times):
            raise ValueError(f"times per call must be positive and finite, not {self.times}")

    @property
    def times(self) -> tuple[float, float, float, float]:
        """The four times: a1, b1, b2, a2."""
        return (self.a1, self.b1, self.b2, self.a2)

    @property
    def log_ratio(self) -> float:
        """Natural log of baseline time over student time; above 0, the student is faster."""
        return quadruple_log_ratio(self.a1, self.b1, self.b2, self.a2)


@dataclass(frozen=True)
class Interval:
    """A confidence interval for a ratio.

    Attributes:
        ratio: The estimate, a geometric mean over quadruples.
        low: Lower end.
        high: Upper end.
        n: How many quadruples it rests on.
        level: Two-sided coverage, 0 to 1.
    """

    ratio: float
    low: float
    high: float
    n: int
    level: float


class Outcome(StrEnum):
    """Where a ratio lies against its threshold."""

    ABOVE = "above"
    BELOW = "below"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Decision:
    """What one look found.

    Attributes:
        outcome: ABOVE or BELOW when the whole interval lies on that side, else UNDECIDED.
        interval: The interval at this look.
        threshold: What it was compared with.
    """

    outcome: Outcome
    interval: Interval
    threshold: float

    @property
    def is_final(self) -> bool:
        """Whether more quadruples could not change it: decided, or the last look is over."""
        return self.outcome is not Outcome.UNDECIDED or self.interval.n >= LOOKS[-1]


def quadruple_log_ratio(a1: float, b1: float, b2: float, a2: float) -> float:
    """Log-ratio of one quadruple; times in seconds per call.

    The mean of both logs, not the log of both sums: one slow batch of four then moves the
    ratio by half of its own log and no more.
    """
    return 0.5 * math.log((a1 / b1) * (a2 / b2))


def is_disturbed(quadruple: Quadruple) -> bool:
    """Whether something struck one batch of the quadruple, so that it is measured again.

    True when the two batches of either side disagree by more than 5%. Ordinary noise is
    0.3 to 1% a batch, so this is a batch that was interrupted for milliseconds, or one in
    which the other side's work was still running. The rule is the same for both sides, is
    blind to the ratio (for symmetric noise, the difference and the mean of two batches are
    uncorrelated), and uses the judge's clock alone: device events come from the student's
    process, which could disown its slow batches by reporting events that disagree.
    """
    return (
        max(
            abs(math.log(quadruple.a1 / quadruple.a2)),
            abs(math.log(quadruple.b1 / quadruple.b2)),
        )
        > DISTURBED
    )


def interval(
    log_ratios: Sequence[float], level: float = LEVEL, between_runs: float = 0.0
) -> Interval:
    """The t-interval of the mean log-ratio, as a ratio.

    Args:
        log_ratios: Natural logs, one a quadruple; at least two.
        level: Two-sided coverage.
        between_runs: Standard deviation of the log-ratio between runs, 0 if unknown.

    Raises:
        ValueError: Fewer than two log-ratios, or one that is not finite.
    """
    n = len(log_ratios)
    if n < 2 or not all(map(math.isfinite, log_ratios)):
        raise ValueError(f"an interval needs two or more finite log-ratios, not {log_ratios!r}")
    centre = math.fsum(log_ratios) / n
    variance = math.fsum((value - centre) ** 2 for value in log_ratios) / (n - 1)
    half = t_quantile(level, n - 1) * math.hypot(math.sqrt(variance / n), between_runs)
    return Interval(math.exp(centre), math.exp(centre - half), math.exp(centre + half), n, level)


def decide(log_ratios: Sequence[float], threshold: float, between_runs: float = 0.0) -> Decision:
    """The decision at one look.

    Args:
        log_ratios: Natural logs, one a quadruple; exactly as many as one of ``LOOKS``.
        threshold: The ratio to compare with, positive.
        between_runs: Standard deviation of the log-ratio between runs.

    Raises:
        ValueError: The number of quadruples is not that of a look: a decision in between
            would not have the error rate that is promised.
    """
    if len(log_ratios) not in LOOKS:
        raise ValueError(f"decisions are made after {LOOKS} quadruples, not {len(log_ratios)}")
    found = interval(log_ratios, LEVEL, between_runs)
    outcome = Outcome.UNDECIDED
    if found.low > threshold:
        outcome = Outcome.ABOVE
    elif found.high < threshold:
        outcome = Outcome.BELOW
    return Decision(outcome, found, threshold)


@lru_cache(maxsize=64)
def t_quantile(level: float, degrees: int) -> float:
    """The t for which Student's T with so many degrees of freedom has P(|T| < t) = level.

    Bisection on the exact distribution function, to the last bits of a float.
    """
    if not 0 < level < 1 or degrees < 1:
        raise ValueError(f"no t quantile for level {level}, degrees {degrees}")
    low, high = 0.0, math.pi / 2
    while low < (middle := (low + high) / 2) < high:
        if _central_probability(middle, degrees) < level:
            low = middle
        else:
            high = middle
    return math.sqrt(degrees) * math.tan(low)


def _central_probability(angle: float, degrees: int) -> float:
    """P(|T| < sqrt(degrees) tan(angle)), a finite sum for whole degrees of freedom.

    Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.3 and 26.7.4.
    """
    odd = degrees % 2
    cosine = math.cos(angle)
    term = cosine if odd else 1.0
    total = 0.0
    for power in range(odd, degrees - 1, 2):
        total += term
        term *= cosine * cosine * (power + 1) / (power + 2)
    if odd:
        return 2 / math.pi * (angle + math.sin(angle) * total)
    return math.sin(angle) * total
