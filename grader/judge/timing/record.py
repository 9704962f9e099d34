"""The JSON form of a speed measurement: ``timing`` of a test in the report and the receipt.

====================== ===========================================================
ratio, low, high       baseline time over student time with its interval; null after
                       fewer than two quadruples
level                  two-sided coverage of the interval
quadruples             how many count
threshold              full, half, zero, authored (full where it was authored),
                       calibrated, reason (why not), counted ("ratio", "bandwidth")
verdict                status, share, explanation
baseline               name, seconds_per_call
student                seconds_per_call
bytes_moved, flops     the least that one call must do; null if not told
dtype                  what products are computed in
achieved_bytes_per_s   bytes_moved per second
achieved_flops         flops per second
ceiling                bytes_per_s, flops_per_s, limit ("memory", "compute"), source
share_of_ceiling       shortest possible time over the time taken
clock                  decides ("wall": the judge's own), events: seconds_per_call of
                       both sides by device events, for detail, or null
samples                the quadruples that count, [a1, b1, b2, a2] in seconds per call
replaced               the disturbed quadruples that were measured again
calls_per_batch        typical number of calls in a batch, or null
machine                before, after: clocks, temperature, throttling; or null
flags                  what a reader should know, e.g. "GPU shared"
====================== ===========================================================

Seconds per call are geometric means over the samples, so their quotient is the ratio.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from grader.judge.timing.machine import MachineState
from grader.judge.timing.roofline import Achieved, Ceiling, Work
from grader.judge.timing.sequential import Trial
from grader.judge.timing.statistics import LEVEL, Quadruple
from grader.judge.timing.thresholds import Threshold
from grader.judge.timing.verdict import Verdict


@dataclass(frozen=True)
class Sides:
    """Seconds per call of both sides."""

    baseline: float
    student: float


@dataclass(frozen=True)
class Circumstances:
    """What was seen beside the samples; nothing here decides a verdict.

    Attributes:
        events: Seconds per call by device events, as the workers told them.
        calls_per_batch: Typical number of calls in a batch.
        before: The GPU before the first batch.
        after: The GPU after the last batch.
        flags: What a reader should know.
    """

    events: Sides | None = None
    calls_per_batch: int | None = None
    before: MachineState | None = None
    after: MachineState | None = None
    flags: Sequence[str] = field(default_factory=tuple)


def seconds_per_call(quadruples: Sequence[Quadruple]) -> Sides:
    """Geometric means over the quadruples.

    Raises:
        ValueError: There is no quadruple.
    """
    if not quadruples:
        raise ValueError("no quadruple was measured")
    return Sides(
        baseline=math.exp(fmean(math.log(each.a1 * each.a2) / 2 for each in quadruples)),
        student=math.exp(fmean(math.log(each.b1 * each.b2) / 2 for each in quadruples)),
    )


def achieved(
    quadruples: Sequence[Quadruple], work: Work, ceiling: Ceiling
) -> tuple[Achieved, Achieved]:
    """What the student and what the baseline reached, in this order.

    Raises:
        ValueError: There is no quadruple.
    """
    sides = seconds_per_call(quadruples)
    return Achieved(work, sides.student, ceiling), Achieved(work, sides.baseline, ceiling)


def timing_json(
    trial: Trial,
    threshold: Threshold,
    verdict: Verdict,
    baseline: str,
    reached: Achieved,
    circumstances: Circumstances | None = None,
) -> dict[str, Any]:
    """The ``timing`` of a test; see the module's table.

    Args:
        trial: The measurements, at least one quadruple.
        threshold: What the test asks here.
        verdict: What it came to.
        baseline: Name of the baseline.
        reached: What the student reached.
        circumstances: What was seen beside the samples.
    """
    seen = circumstances or Circumstances()
    found = trial.interval()
    sides = seconds_per_call(trial.quadruples)
    return {
        "ratio": found.ratio if found else None,
        "low": found.low if found else None,
        "high": found.high if found else None,
        "level": LEVEL,
        "quadruples": len(trial.quadruples),
        "threshold": threshold.to_json(verdict.counted),
        "verdict": {
            "status": verdict.status.value,
            "share": verdict.share,
            "explanation": verdict.explanation,
        },
        "baseline": {"name": baseline, "seconds_per_call": sides.baseline},
        "student": {"seconds_per_call": sides.student},
        **reached.to_json(),
        "clock": {"decides": "wall", "events": vars(seen.events).copy() if seen.events else None},
        "samples": [list(each.times) for each in trial.quadruples],
        "replaced": [list(each.times) for each in trial.replaced],
        "calls_per_batch": seen.calls_per_batch,
        "machine": _machine(seen),
        "flags": [*seen.flags, *_flags(trial)],
    }


def _machine(seen: Circumstances) -> dict[str, Any] | None:
    if seen.before is None or seen.after is None:
        return None
    return {"before": seen.before.to_json(), "after": seen.after.to_json()}


def _flags(trial: Trial) -> list[str]:
    if not trial.disturbed:
        return []
    return [f"disturbed: {trial.disturbed} of {len(trial.quadruples)} quadruples"]
