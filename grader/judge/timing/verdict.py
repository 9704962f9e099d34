"""From a finished trial to what the student gets: a status, a share and a sentence.

Passing takes proof: an interval wholly above full credit, by ratio or, for a memory-bound
test, by bandwidth. Losing points takes proof as well: wholly below by every goal; the share
then follows the credit curve at the estimate, by the better of the goals. Nothing is proved
against a submission while somebody else works on the GPU. Anything else is
inconclusive and measured again.
"""

from __future__ import annotations

from dataclasses import dataclass

from grader.judge.timing.credit import BANDWIDTH_CURVE, Curve
from grader.judge.timing.roofline import Work
from grader.judge.timing.sequential import BANDWIDTH, RATIO, Goal, Trial, bandwidth_goal, ratio_goal
from grader.judge.timing.statistics import Decision, Interval, Outcome
from grader.judge.timing.thresholds import Threshold
from grader.results import Diagnosis, Status

_WHEN_FREE = "Grade again when the GPU is free; no points are lost."


@dataclass(frozen=True)
class Verdict:
    """What a speed test came to.

    Attributes:
        status: ``PASSED``, ``SLOW``, ``INCONCLUSIVE``, ``REFUSED`` or ``DEFERRED``.
        share: Part of the points, 0 to 1.
        kind: Diagnosis kind, empty when passed.
        explanation: One or two sentences to the student.
        counted: ``"ratio"`` or ``"bandwidth"``: what the share rests on.
    """

    status: Status
    share: float
    kind: str
    explanation: str
    counted: str = RATIO

    @property
    def diagnosis(self) -> Diagnosis | None:
        """The report's form; None when passed."""
        return Diagnosis(self.kind, self.explanation) if self.kind else None


def start_trial(threshold: Threshold, work: Work) -> Trial:
    """A trial with the goals that this test has on this GPU."""
    goals: list[Goal] = [ratio_goal(threshold.curve.full)]
    if threshold.copy_bytes_per_s is not None and work.bytes_moved is not None:
        full = BANDWIDTH_CURVE.full
        goals.append(bandwidth_goal(full, work.bytes_moved, threshold.copy_bytes_per_s))
    return Trial(*goals, between_runs=threshold.between_runs)


def not_discriminating() -> Verdict:
    """The verdict, without measuring, where ``Threshold.discriminates`` is false."""
    return Verdict(
        Status.DEFERRED,
        0.0,
        "cannot-discriminate",
        "On this GPU a naive solution is as fast as the reference, so speed says nothing about "
        "yours. The points of this test go by memory traffic.",
    )


def judge(
    trial: Trial,
    threshold: Threshold,
    baseline: str,
    impossible: str | None = None,
    others: int = 0,
) -> Verdict:
    """The verdict on a trial that is finished, or was stopped at a deadline.

    Args:
        trial: The measurements.
        threshold: What the test asks on this GPU.
        baseline: Name of the baseline, for the sentence.
        impossible: What ``Achieved.impossible`` said.
        others: How many processes that the grader has not started worked on the GPU, or may have.
    """
    if impossible is not None:
        return _impossible(impossible, others)
    if not trial.decisions:
        return _cut_short(len(trial.quadruples))
    by_goal = _credits(trial, threshold)
    reached = [credit for credit in by_goal if credit.decision.outcome is Outcome.ABOVE]
    if reached:
        return _passed(reached[0], baseline)
    if all(credit.decision.outcome is Outcome.BELOW for credit in by_goal):
        return _contended(by_goal[0], baseline, others) if others else _slow(by_goal, baseline)
    undecided = [credit for credit in by_goal if credit.decision.outcome is Outcome.UNDECIDED]
    return _inconclusive(undecided[0], baseline, trial.disturbed)


@dataclass(frozen=True)
class _Credit:
    """One goal's decision with what it is worth."""

    name: str
    decision: Decision
    curve: Curve

    @property
    def interval(self) -> Interval:
        return self.decision.interval

    @property
    def share(self) -> float:
        return self.curve.share(self.interval.ratio)

    def told(self, value: float) -> str:
        return f"{value:.0%}" if self.name == BANDWIDTH else f"{value:.2f}"

    def measured(self, baseline: str) -> str:
        found = f"{self.told(self.interval.ratio)}{self._of(baseline)}"
        return f"{found} ({self.told(self.interval.low)} to {self.told(self.interval.high)})"

    def _of(self, baseline: str) -> str:
        if self.name == BANDWIDTH:
            return " of this GPU's copy bandwidth"
        return f" times the speed of {baseline}"


def _credits(trial: Trial, threshold: Threshold) -> list[_Credit]:
    """One a goal, the ratio first."""
    curves = {RATIO: threshold.curve, BANDWIDTH: BANDWIDTH_CURVE}
    return [_Credit(name, found, curves[name]) for name, found in trial.decisions.items()]


def _passed(credit: _Credit, baseline: str) -> Verdict:
    message = f"{credit.measured(baseline)}; all points from {credit.told(credit.curve.full)}."
    return Verdict(Status.PASSED, 1.0, "", message, credit.name)


def _slow(by_goal: list[_Credit], baseline: str) -> Verdict:
    best = max(by_goal, key=lambda credit: credit.share)
    told = "; ".join(
        f"{credit.measured(baseline)}, all points from {credit.told(credit.curve.full)}"
        for credit in by_goal
    )
    message = f"{told}. This earns {best.share:.0%} of the points"
    message += f", by {best.name}." if len(by_goal) > 1 and best.share > 0 else "."
    return Verdict(Status.SLOW, best.share, "too-slow", message, best.name)


def _impossible(why: str, others: int) -> Verdict:
    found = f"{why[0].upper()}{why[1:]}"
    if not others:
        return Verdict(Status.REFUSED, 0.0, "impossible-speed", f"{found}.")
    message = f"{found}, or {_beside(others)} spoilt the measurement. {_WHEN_FREE}"
    return Verdict(Status.INCONCLUSIVE, 0.0, "speed-undecided", message)


def _contended(credit: _Credit, baseline: str, others: int) -> Verdict:
    message = (
        f"{credit.measured(baseline)}, all points from {credit.told(credit.curve.full)}; but "
        f"{_beside(others)} may have taken its time. {_WHEN_FREE}"
    )
    return Verdict(Status.INCONCLUSIVE, 0.0, "speed-undecided", message, credit.name)


def _beside(others: int) -> str:
    noun = "another process" if others == 1 else f"{others} other processes"
    return f"{noun} on this GPU"


def _cut_short(rounds: int) -> Verdict:
    told = "1 round" if rounds == 1 else f"{rounds} rounds"
    message = (
        f"Only {told} could be measured before time ran out, too few to decide. "
        "Grade again; no points are lost."
    )
    return Verdict(Status.INCONCLUSIVE, 0.0, "speed-undecided", message)


def _inconclusive(credit: _Credit, baseline: str, disturbed: int) -> Verdict:
    message = (
        f"{credit.measured(baseline)}: too close to {credit.told(credit.curve.full)}, where all "
        f"points are earned, to decide after {credit.interval.n} rounds."
    )
    if disturbed:
        message += f" {disturbed} of them were disturbed by something else on this machine."
    message += " Grade again; no points are lost."
    return Verdict(Status.INCONCLUSIVE, 0.0, "speed-undecided", message, credit.name)
