"""The verdict on speed: the ``speed`` fixture of a lesson's tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from grader.judge.submission import GradedFunction
from grader.judge.timing.request import Contest, SpeedRequest
from grader.judge.timing.roofline import Work
from grader.results import Diagnosis, Status
from grader.testing import Judged

if TYPE_CHECKING:
    from grader.judge.grading import Grading

_NEEDS_GPU = (
    "Speed is measured on a GPU. Run grade on a machine with an NVIDIA GPU, or hand in: it is "
    "measured when your instructor grades."
)


class Speed:
    """Call it with a function of ``submission`` and the names of reference functions.

    Attributes:
        verdicts: How many measurements were judged.
        timing: The measurement, for the report.
    """

    def __init__(self, grading: Grading, test_id: str) -> None:
        self._grading = grading
        self._test = test_id
        self.verdicts = 0
        self.timing: dict[str, Any] | None = None

    def __call__(
        self,
        function: GradedFunction,
        *,
        baseline: str,
        inputs: str,
        oracle: str | None = None,
        baseline_inputs: str | None = None,
        scenario: str | None = None,
        bytes_moved: int | None = None,
        flops: int | None = None,
        dtype: str = "float16",
    ) -> None:
        """Time a function side by side with a baseline.

        Args:
            function: A function of the ``submission``.
            baseline: Name of the reference function to compare with.
            inputs: Name of the reference function that makes one input set from ``Data``.
            oracle: Name of the reference function that gives the right results at this size;
                the baseline if left out.
            baseline_inputs: Maker of the baseline's input sets where it takes others.
            scenario: Scenario of the lesson that runs around the function, the baseline and
                the oracle alike; what it returns is compared.
            bytes_moved: The least bytes that one call must move.
            flops: Arithmetic operations of one call.
            dtype: What products are computed in, for the compute ceiling.

        Raises:
            Judged: Too slow, undecided, refused, or no GPU to measure on.
        """
        self.verdicts += 1
        timed = function.differentiated() if scenario else function
        timed.require_started()
        if timed.session.tier != "compiled":
            raise Judged(Status.DEFERRED, Diagnosis("needs-gpu", _NEEDS_GPU))
        work = Work(bytes_moved, flops, dtype)
        contest = Contest(
            baseline=baseline,
            inputs=inputs,
            oracle=oracle or baseline,
            baseline_inputs=baseline_inputs or inputs,
            scenario=timed.scenario(scenario) if scenario else None,
        )
        request = SpeedRequest(self._grading, self._test, timed, contest, work)
        if self._grading.speed_probe is not None:
            self._grading.speed_probe(request)
        else:
            self._judge(request)

    def _judge(self, request: SpeedRequest) -> None:
        verdict, self.timing = request.verdict()
        if verdict.diagnosis is not None:
            raise Judged(verdict.status, verdict.diagnosis, share=verdict.share, timing=self.timing)
