"""When to stop measuring, and which quadruples count.

A ``Trial`` takes quadruples as they are measured and says when enough are there. A disturbed
quadruple (``statistics.is_disturbed``) is measured again, at most one for each four that
count: whoever can disturb quadruples at will then chooses among few, and a machine on which
all are disturbed ends up with wide intervals instead of an endless run. What was replaced
stays in the record.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from grader.judge.timing.statistics import (
    LOOKS,
    Decision,
    Interval,
    Outcome,
    Quadruple,
    decide,
    interval,
    is_disturbed,
)

RATIO = "ratio"
BANDWIDTH = "bandwidth"

COUNTED_PER_REPLACED = 4
"""So many quadruples must count for each one that may be measured again."""


@dataclass(frozen=True)
class Goal:
    """A quantity with the value at which it earns full credit.

    Attributes:
        name: ``RATIO`` or ``BANDWIDTH``.
        full: The value, positive.
        log_value: Natural log of the quantity that one quadruple shows.
    """

    name: str
    full: float
    log_value: Callable[[Quadruple], float]


def ratio_goal(full: float) -> Goal:
    """Baseline time over student time."""
    return Goal(RATIO, full, lambda quadruple: quadruple.log_ratio)


def bandwidth_goal(full: float, bytes_moved: float, copy_bytes_per_s: float) -> Goal:
    """The student's share of this GPU's measured copy bandwidth.

    Args:
        full: The share that earns full credit.
        bytes_moved: Fewest bytes that one call must move.
        copy_bytes_per_s: What a copy reaches on this GPU, bytes per second.
    """
    best = math.log(bytes_moved / copy_bytes_per_s)  # log of the shortest possible seconds

    def log_share(quadruple: Quadruple) -> float:
        return best - 0.5 * math.log(quadruple.b1 * quadruple.b2)

    return Goal(BANDWIDTH, full, log_share)


class Trial:
    """One speed test while it is measured.

    Attributes:
        quadruples: Those that count, in the order of time.
        replaced: Those measured again, in the order of time.
        decisions: What the latest look found, by name of the goal; empty before the first.
    """

    def __init__(self, *goals: Goal, between_runs: float = 0.0) -> None:
        """Begin a trial.

        Args:
            *goals: The ratio goal, and the bandwidth goal of a memory-bound test; reaching
                any of them is enough.
            between_runs: Standard deviation of a log-ratio between runs on this machine.
        """
        if not goals:
            raise ValueError("a trial needs a goal")
        self.quadruples: list[Quadruple] = []
        self.replaced: list[Quadruple] = []
        self.decisions: dict[str, Decision] = {}
        self._goals = goals
        self._between_runs = between_runs

    def add(self, quadruple: Quadruple) -> None:
        """Take the next quadruple; at a look, decide.

        Raises:
            ValueError: The trial is finished.
        """
        if self.finished:
            raise ValueError("the trial is finished: further quadruples could change its error")
        if is_disturbed(quadruple) and self._may_replace:
            self.replaced.append(quadruple)
            return
        self.quadruples.append(quadruple)
        if len(self.quadruples) in LOOKS:
            self.decisions = {goal.name: self._decide(goal) for goal in self._goals}

    @property
    def next_look(self) -> int:
        """How many quadruples must count before the next decision; the last look at the end."""
        return next((look for look in LOOKS if look > len(self.quadruples)), LOOKS[-1])

    @property
    def finished(self) -> bool:
        """Whether a goal is reached, all are out of reach, or the last look is over."""
        outcomes = [decision.outcome for decision in self.decisions.values()]
        return (
            Outcome.ABOVE in outcomes
            or (bool(outcomes) and Outcome.UNDECIDED not in outcomes)
            or len(self.quadruples) >= LOOKS[-1]
        )

    @property
    def disturbed(self) -> int:
        """How many disturbed quadruples count, for want of leave to replace them."""
        return sum(map(is_disturbed, self.quadruples))

    def interval(self, goal: str = RATIO) -> Interval | None:
        """The interval that the latest look rests on; between looks, one over all so far.

        None with fewer than two quadruples: a run that was stopped early.
        """
        if goal in self.decisions:
            return self.decisions[goal].interval
        values = [self._goal(goal).log_value(quadruple) for quadruple in self.quadruples]
        return interval(values, between_runs=self._between_runs) if len(values) > 1 else None

    @property
    def _may_replace(self) -> bool:
        return len(self.replaced) < self.next_look // COUNTED_PER_REPLACED

    def _goal(self, name: str) -> Goal:
        return next(goal for goal in self._goals if goal.name == name)

    def _decide(self, goal: Goal) -> Decision:
        values = [goal.log_value(quadruple) for quadruple in self.quadruples]
        return decide(values, goal.full, self._between_runs)
