"""A baseline timed against itself: what of a ratio is noise."""

from __future__ import annotations

from dataclasses import replace

from grader.errors import GraderError
from grader.judge.grading import Grading
from grader.judge.seeds import fresh_seed
from grader.judge.source import SubmissionSource
from grader.judge.submission import GradedFunction
from grader.judge.timing.request import SpeedRequest
from grader.lesson import Function
from grader.protocol.frames import Message
from grader.testing import Judged


class NotMeasuredError(GraderError):
    """A baseline could not be timed against itself; says why."""


class BaselineRequest(SpeedRequest):
    """A baseline in the submission's place: what computes with torch is right there."""

    def inspect(self, seen: Message) -> None:
        """Nothing is asked of the course's own code."""


def against_itself(request: SpeedRequest, count: int) -> list[float]:
    """Log-ratios of the baseline of a request against itself, in fresh workers.

    Args:
        request: What is timed against that baseline otherwise.
        count: How many quadruples to measure.

    Raises:
        NotMeasuredError: The baseline could not be timed.
    """
    lesson, contest = request.grading.lesson, request.contest
    source = SubmissionSource.read(lesson.reference)
    grading = Grading(lesson, source, "gpu", fresh_seed())
    try:
        baseline = Function(contest.baseline, ())
        function = GradedFunction(baseline, source, "", grading.session(grading.tier))
        same = replace(contest, inputs=contest.baseline_inputs, oracle=contest.baseline)
        itself = BaselineRequest(grading, request.test, function, same, request.work)
        return itself.log_ratios(count)
    except Judged as judged:
        raise NotMeasuredError(
            f"{lesson.reference}: {contest.baseline}() against itself could not be measured: "
            f"{judged.diagnosis.message}"
        ) from judged
    finally:
        grading.close()
