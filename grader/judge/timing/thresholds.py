"""An authored threshold carried over to the GPU at hand.

A threshold is authored on one GPU as a ratio to a baseline. Elsewhere the same kernel has
another ratio, mostly because the baseline has other inefficiencies there. So all three points
of the credit curve move by the reference solution's ratio here over its ratio there: up where
more can be had, down where less can.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from grader.judge.timing.calibration import Calibration, ReferenceSpeed
from grader.judge.timing.credit import Curve, SpeedSpec

NAIVE_TOO_FAST = 0.95
"""Share of the reference's ratio at which a naive solution makes a test meaningless."""

UNCALIBRATED_BETWEEN_RUNS = 0.003
"""Assumed where no noise between runs was measured: an A/A ratio then stays within 1%."""

LEAST_BETWEEN_RUNS = 0.001
"""What eight runs of eight quadruples can just show; a calibration that saw less saw luck."""


@dataclass(frozen=True)
class Threshold:
    """What a speed test asks on this GPU.

    Attributes:
        curve: Credit by ratio, here.
        authored: Credit by ratio, where it was authored.
        calibrated: Whether ``curve`` rests on measurements of this GPU.
        reason: Why it is not calibrated, for the report; empty if it is.
        copy_bytes_per_s: This GPU's copy bandwidth, where bandwidth earns credit.
        between_runs: Standard deviation of a log-ratio between runs on this GPU.
        discriminates: Whether a naive solution stays clearly below the reference here.
    """

    curve: Curve
    authored: Curve
    calibrated: bool
    reason: str = ""
    copy_bytes_per_s: float | None = None
    between_runs: float = UNCALIBRATED_BETWEEN_RUNS
    discriminates: bool = True

    def to_json(self, counted: str) -> dict[str, Any]:
        """The form in a test's ``timing``; ``counted`` is ``"ratio"`` or ``"bandwidth"``."""
        return {
            "full": self.curve.full,
            "half": self.curve.half,
            "zero": self.curve.zero,
            "authored": self.authored.full,
            "calibrated": self.calibrated,
            "reason": self.reason,
            "counted": counted,
        }


def effective_threshold(
    spec: SpeedSpec, lesson: str, here: Calibration | None, there: Calibration | None
) -> Threshold:
    """What a test asks on this GPU.

    Args:
        spec: What ``lesson.toml`` asks.
        lesson: Name of the lesson.
        here: Calibration of this GPU, if there is one.
        there: Calibration of the GPU named by ``here.authored_on``; may be ``here`` itself.
    """
    if here is None:
        reason = "this GPU has no calibration: the threshold is the authored one"
        return Threshold(spec.curve, spec.curve, calibrated=False, reason=reason)
    reference = here.reference(lesson, spec.test)
    authored = there.reference(lesson, spec.test) if there else None
    reason = _why_not(reference, authored, here.authored_on)
    factor = 1.0
    if reference and authored and not reason:
        factor = reference.ratio / authored.ratio
    return Threshold(
        curve=spec.curve.scaled(factor),
        authored=spec.curve,
        calibrated=not reason,
        reason=reason,
        copy_bytes_per_s=here.copy_bandwidth_bytes_per_s if spec.memory_bound else None,
        between_runs=max(here.between_runs, LEAST_BETWEEN_RUNS),
        discriminates=not _naive_keeps_up(reference),
    )


def _why_not(
    reference: ReferenceSpeed | None, authored: ReferenceSpeed | None, authored_on: str
) -> str:
    """Why the threshold cannot be carried over; empty if it can."""
    if reference is None:
        return "the reference solution was not measured on this GPU"
    if authored is None:
        return f"the reference solution was not measured on {authored_on}"
    hashes = {reference.solution_sha256, authored.solution_sha256} - {""}
    if len(hashes) > 1:
        return f"this GPU and {authored_on} were calibrated with different reference solutions"
    return ""


def _naive_keeps_up(reference: ReferenceSpeed | None) -> bool:
    return (
        reference is not None
        and reference.naive is not None
        and reference.naive >= NAIVE_TOO_FAST * reference.ratio
    )
