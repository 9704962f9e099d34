"""Side-by-side timing of two functions: quadruples of batches, A B B A, until decided.

One worker is busy at a time. Within a quadruple drift that is linear in time cancels; across
quadruples the mean of the log-ratios and its spread give the interval.

What is timed is also audited: between quadruples, when nobody can expect it, a batch of each
side is run and not timed, and the last call of the student's is looked at.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch

from grader.judge.timing.mirror import SAMPLES, Expected, Mirror, agrees
from grader.judge.timing.sequential import Trial
from grader.judge.timing.sides import Batch, Sample, Side
from grader.judge.timing.statistics import Quadruple
from grader.protocol.batches import plan_writes
from grader.protocol.frames import Message
from grader.testing import fail, refuse

BATCH_SECONDS = 0.045
MOST_SECONDS = 120.0  # of a run: others wait for their turn meanwhile
_FEWEST_CALLS = 16
_CHECKED_BATCHES = 3
_LONGEST_UNWATCHED = 4  # quadruples between two audits
_OVERHEAD_BATCHES = 7
_OVERHEAD_LENGTH = 0.3  # of a timed batch: what is looked for does not grow with the calls
_MOST_ADJUSTMENTS = 8
_MOST_AT_ONCE = 8.0  # times as many calls, or as few
_MOST_CALLS = 450_000


@dataclass(frozen=True)
class Round:
    """Four batches: A is the baseline, B the student; taken as ABBA or as BAAB."""

    a1: Batch
    b1: Batch
    b2: Batch
    a2: Batch

    @property
    def batches(self) -> tuple[Batch, Batch, Batch, Batch]:
        """In the order a1, b1, b2, a2."""
        return self.a1, self.b1, self.b2, self.a2

    @property
    def quadruple(self) -> Quadruple:
        """Seconds per call by the judge's clock."""
        return Quadruple(*(batch.seconds_per_call for batch in self.batches))


class Comparison:
    """A baseline and a student's function, prepared on the same inputs."""

    def __init__(
        self,
        baseline: Side,
        student: Side,
        mirror: Mirror,
        seed: int,
        inspect: Callable[[Message], None] = lambda seen: None,
    ) -> None:
        """Name what is compared.

        Args:
            baseline: The one side.
            student: The other.
            mirror: What the student's calls must return.
            seed: Of all that nobody may foresee.
            inspect: Judges what was seen of an audited call; raises ``Judged``.
        """
        self._inspect = inspect
        self._baseline = baseline
        self._student = student
        self._mirror = mirror
        self._random = random.Random(seed)
        self._calls: dict[Side, float] = {}
        self._overhead_s = math.inf
        self._swapped = False

    def prepare(self, reference: str, seed: int) -> None:
        """Make the inputs in both workers, warm up, and see that the results are right."""
        for side in (self._baseline, self._student):
            per_call = side.prepare(reference, seed, self._mirror.rings)
            self._calls[side] = BATCH_SECONDS / per_call
        for number in range(_CHECKED_BATCHES):
            calls = self._random.randint(1, 2 * self._mirror.rings)
            self._student_batch(calls, audit=number == 0)

    def settle(self) -> None:
        """Find how many calls a batch has and how long the way to the worker is; once.

        What is found depends on who else is on the GPU, as the measurement itself.
        """
        if self._overhead_s < math.inf:
            return
        self._adjust_batches(time.monotonic() + MOST_SECONDS)
        for _ in range(_OVERHEAD_BATCHES):
            self._a(_OVERHEAD_LENGTH * self._length())

    def _adjust_batches(self, end: float) -> None:
        """Make the student's batches last as long as planned by the judge's clock.

        Whatever the worker said of its own speed: of a batch that is too short the way to the
        worker and back would be most, and taking it off would leave next to nothing. What is left
        of the way is then the same part of a batch on both sides.
        """
        for _ in range(_MOST_ADJUSTMENTS):
            batch = self._b(1.0)
            factor = BATCH_SECONDS / batch.wall_s
            factor = min(max(factor, 1 / _MOST_AT_ONCE), _MOST_AT_ONCE)
            calls = min(batch.calls * factor, _MOST_CALLS)
            self._calls[self._student] = calls
            is_at_limit = max(calls, _FEWEST_CALLS) == batch.calls
            if 0.5 <= factor <= 2 or is_at_limit or time.monotonic() > end:
                return

    def run(self, trial: Trial, rounds: list[Round]) -> None:
        """Measure until the trial is finished, and add the batches to ``rounds``.

        A trial that others began is gone on with. Nothing is decided before an audit of this run.
        What takes too long is left undecided.
        """
        end = time.monotonic() + MOST_SECONDS
        self.settle()
        left = trial.next_look - len(trial.quadruples)
        if left == 1:
            self.audit()
        due = self._random.randrange(1, max(left, 2))
        measured = 0
        while not trial.finished and (not trial.quadruples or time.monotonic() < end):
            rounds.append(self.round())
            trial.add(rounds[-1].quadruple)
            measured += 1
            if measured == due:
                self.audit()
                due += self._random.randint(1, _LONGEST_UNWATCHED)
        # A worker looks for tampering when it is armed: after the last batch as well.
        self._student.arm(_FEWEST_CALLS, self._random.getrandbits(62))

    def audit(self) -> None:
        """Look at a call that is made like a timed one; both sides are kept equally busy.

        Raises:
            Judged: It is not the work of the submission's own kernels, or gave wrong results.
        """
        length = self._length()
        self._a(length)
        self._student_batch(self._calls_of(self._student, length), audit=True)

    def round(self) -> Round:
        """Measure one quadruple, by turns as ABBA and as BAAB."""
        self._swapped = not self._swapped
        # Both sides of a half have the same length, so that what is left of the overhead
        # weighs the same on them.
        first, second = self._length(), self._length()
        if self._swapped:
            b1, a1 = self._b(first), self._a(first)
            a2, b2 = self._a(second), self._b(second)
        else:
            a1, b1 = self._a(first), self._b(first)
            b2, a2 = self._b(second), self._a(second)
        return Round(*(replace(each, overhead_s=self._overhead_s) for each in (a1, b1, b2, a2)))

    def _a(self, length: float) -> Batch:
        calls = self._calls_of(self._baseline, length)
        self._baseline.arm(calls, self._random.getrandbits(62))
        anywhere = [
            Sample([self._random.getrandbits(30) for _ in range(SAMPLES)], dtype)
            for dtype in self._mirror.dtypes
        ]
        batch = self._baseline.go(calls, anywhere)
        # The way to the worker and back, which is taken off both sides. By the baseline's events,
        # since no student code runs there: on the student's side a slow way could be staged. The
        # shortest ever seen, since others on the GPU can only make it longer: what was too much
        # taken off would make a kernel faster than it is.
        self._overhead_s = max(0.0, min(self._overhead_s, batch.wall_s - batch.events_s))
        return batch

    def _b(self, length: float) -> Batch:
        return self._student_batch(self._calls_of(self._student, length))

    def _student_batch(self, calls: int, audit: bool = False) -> Batch:
        seed = self._random.getrandbits(62)
        expected = self._mirror.advance(plan_writes(seed, calls, self._mirror.elements))
        self._student.arm(calls, seed)
        torch.cuda.synchronize()  # the judge's own kernels must not run beside the student's
        batch = self._student.go(calls, [each.sample for each in expected], audit)
        _refuse_shortcuts(self._student.function, batch, expected)
        if batch.seen is not None:
            self._inspect(batch.seen)
        return batch

    def _length(self) -> float:
        """Length of the next batch: random, so that no call can know that it is the last."""
        return self._random.uniform(0.7, 1.4)

    def _calls_of(self, side: Side, length: float) -> int:
        return max(_FEWEST_CALLS, round(self._calls[side] * length))


def _refuse_shortcuts(function: str, batch: Batch, expected: Sequence[Expected]) -> None:
    if not batch.own_tensors:
        message = (
            f"{function}() handed out memory that an earlier result or an input still occupies, "
            "or something that is no plain tensor. Allocate the output in each call."
        )
        refuse("recycled-output", message)
    pairs = list(zip(batch.samples, expected, strict=True))
    if all(agrees(got, each.values) for got, each in pairs):
        return
    if all(agrees(got[: each.unaffected], each.values[: each.unaffected]) for got, each in pairs):
        message = (
            f"{function}() gave the answer of an earlier call although its input had changed "
            "since. Compute the result in each call."
        )
        refuse("stale-answer", message)
    fail("wrong-value", f"{function}() gave wrong values at the size at which it is timed.")
