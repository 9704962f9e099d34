"""Late penalties: a share of the score for each day begun after the due date."""

from __future__ import annotations

import math

from nbgrader.plugins import LateSubmissionPlugin
from traitlets import Float

_DAY_S = 86400


class PenaltyPerDay(LateSubmissionPlugin):  # type: ignore[misc]
    """Takes a share of the score for each day begun; never more than the score."""

    per_day = Float(0.1, min=0.0, max=1.0, help="Share of the score that a day costs.").tag(
        config=True
    )
    grace_s = Float(0.0, min=0.0, help="Seconds after the due date that cost nothing.").tag(
        config=True
    )

    def late_submission_penalty(
        self, student_id: str, score: float, total_seconds_late: float
    ) -> float:
        """Points to take from a score, rounded to a hundredth."""
        days = math.ceil(max(0.0, total_seconds_late - self.grace_s) / _DAY_S)
        return round(score * min(1.0, self.per_day * days), 2)
