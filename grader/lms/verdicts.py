"""Verdicts as the judge's process hands them over, checked before anybody relies on them.

Owns the JSON between that process and nbgrader or a notebook. The process is ours, but what
arrives is checked all the same: nbgrader turns most things that are no number into full marks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from grader.errors import GraderError
from grader.results import Status


class NotJudgedError(GraderError):
    """A submission could not be judged at all: a fault of the grader or of its machine."""


@dataclass(frozen=True)
class Verdict:
    """What became of one test.

    Attributes:
        test: Name of the test.
        title: What students read.
        status: The verdict.
        points: Points earned, between 0 and ``max_points``; 0 while they are pending.
        max_points: What the test is worth.
        html: The test's part of the report.
    """

    test: str
    title: str
    status: Status
    points: float
    max_points: float
    html: str

    def __post_init__(self) -> None:
        if not (math.isfinite(self.points) and 0 <= self.points <= self.max_points):
            raise NotJudgedError(
                f"{self.test}: {self.points} points are not between 0 and {self.max_points:g}."
            )

    @property
    def is_pending(self) -> bool:
        """Whether nobody knows yet what is earned."""
        return not self.status.is_judged

    @property
    def is_challenge(self) -> bool:
        """Whether it earns a badge instead of points."""
        return self.max_points == 0


@dataclass(frozen=True)
class Judgement:
    """What became of one submission.

    Attributes:
        verdicts: One for each test that ran, by its name.
        html: The whole report.
    """

    verdicts: dict[str, Verdict]
    html: str

    @property
    def points(self) -> float:
        """Points earned so far."""
        return round(sum(verdict.points for verdict in self.verdicts.values()), 2)

    @property
    def pending(self) -> float:
        """Points that nobody has judged yet."""
        waiting = (each.max_points for each in self.verdicts.values() if each.is_pending)
        return round(sum(waiting), 2)

    @staticmethod
    def from_json(value: Any) -> Judgement:
        """The judgement that the judge's process wrote.

        Raises:
            NotJudgedError: It is not what that process writes.
        """
        try:
            verdicts = [_verdict(entry) for entry in value["verdicts"]]
            judgement = Judgement({each.test: each for each in verdicts}, str(value["html"]))
        except (KeyError, TypeError, ValueError) as error:
            raise NotJudgedError(f"The judge's process gave no verdict: {error!r}.") from error
        if not verdicts or len(judgement.verdicts) != len(verdicts):
            raise NotJudgedError("The judge's process gave no verdict, or two for one test.")
        return judgement


def _verdict(entry: dict[str, Any]) -> Verdict:
    return Verdict(
        test=str(entry["test"]),
        title=str(entry["title"]),
        status=Status(entry["status"]),
        points=float(entry["points"]),
        max_points=float(entry["max_points"]),
        html=str(entry["html"]),
    )
