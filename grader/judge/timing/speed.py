"""The verdict on speed: the ``speed`` fixture of a lesson's tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING, Any

import torch

from grader.course_files import load_module
from grader.judge.invocation import Scenario
from grader.judge.seeds import case_seed
from grader.judge.submission import GradedFunction
from grader.judge.timing import ceiling, machine
from grader.judge.timing.calibration import Calibration, find
from grader.judge.timing.credit import SpeedSpec
from grader.judge.timing.measure import Comparison, Round
from grader.judge.timing.mirror import Mirror
from grader.judge.timing.record import Circumstances, achieved, seconds_per_call, timing_json
from grader.judge.timing.record import Sides as Seconds
from grader.judge.timing.roofline import Ceiling, Work
from grader.judge.timing.sides import Side
from grader.judge.timing.statistics import Quadruple
from grader.judge.timing.thresholds import Threshold, effective_threshold
from grader.judge.timing.verdict import Verdict, judge, not_discriminating, start_trial
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
        calibration = find(self._grading.lesson.root, self._grading.describe().name)
        threshold = request.threshold(calibration)
        if not threshold.discriminates:
            self._conclude(not_discriminating())
        before = machine.snapshot(gpu_uuid())
        trial = start_trial(threshold, request.work)
        rounds = request.prepare().run(trial)
        after = machine.snapshot(gpu_uuid())
        top = Ceiling.of(calibration) if calibration else _ceiling_now(request.work)
        student, theirs = achieved(trial.quadruples, request.work, top)
        verdict = judge(trial, threshold, request.contest.baseline, student.impossible(theirs))
        circumstances = Circumstances(
            events=_by_events(rounds),
            calls_per_batch=rounds[-1].b1.calls,
            before=before,
            after=after,
            flags=machine.warnings(before, after, self._grading.processes()),
        )
        self.timing = timing_json(
            trial, threshold, verdict, request.contest.baseline, student, circumstances
        )
        self._conclude(verdict)

    def _conclude(self, verdict: Verdict) -> None:
        if verdict.diagnosis is not None:
            raise Judged(verdict.status, verdict.diagnosis, share=verdict.share, timing=self.timing)


@dataclass(frozen=True)
class Contest:
    """What a function is timed against, all by name: functions of the lesson's reference.

    Attributes:
        baseline: What it is compared with.
        inputs: Makes one input set.
        oracle: Gives the right results.
        baseline_inputs: Makes one input set of the baseline.
        scenario: What runs around function, baseline and oracle.
    """

    baseline: str
    inputs: str
    oracle: str
    baseline_inputs: str
    scenario: Scenario | None = None


@dataclass(frozen=True)
class SpeedRequest:
    """What a lesson's test asks to be timed.

    Attributes:
        grading: The judge's side of the run.
        test: Name of the test.
        function: The function to time.
        contest: Against what.
        work: The least that one call must do.
    """

    grading: Grading
    test: str
    function: GradedFunction
    contest: Contest
    work: Work

    def threshold(self, here: Calibration | None) -> Threshold:
        """What the test asks on a GPU with this calibration."""
        lesson = self.grading.lesson
        entry = lesson.speed.get(self.test, {})
        spec = SpeedSpec.from_toml(self.test, entry, lesson.folder / "lesson.toml")
        there = find(lesson.root, here.authored_on) if here else None
        return effective_threshold(spec, lesson.name, here, there)

    def prepare(self) -> Comparison:
        """Function and baseline, both warm, on the same inputs."""
        device = torch.device("cuda", 0)
        # Half of the range leaves room to count the seeds of the input sets up.
        seed = case_seed(self.grading.seed, self.test, "timing") >> 1
        reference = load_module(self.grading.lesson.reference, "speed_reference")
        contest = self.contest
        mirror = Mirror(
            getattr(reference, contest.inputs),
            self._oracle(reference),
            seed,
            ceiling.cache_bytes(device),
            device,
        )
        theirs, own = contest.baseline_inputs, contest.inputs
        scenario, session = contest.scenario, self.grading.baseline_session()
        comparison = Comparison(
            Side(session, contest.baseline, theirs, scenario),
            Side(self.function.session, self.function.name, own, scenario),
            mirror,
            case_seed(self.grading.seed, self.test, "batches"),
        )
        comparison.prepare(self.grading.lesson.reference.read_text(), seed)
        return comparison

    def _oracle(self, reference: ModuleType) -> Callable[..., Any]:
        """The right results of what is timed, in this process."""
        oracle: Callable[..., Any] = getattr(reference, self.contest.oracle)
        if self.contest.scenario is None:
            return oracle
        course = load_module(self.grading.lesson.scenarios, "speed_scenarios")
        return partial(getattr(course, self.contest.scenario.name), oracle)


def gpu_uuid(device: torch.device | None = None) -> str:
    """The driver's name of a GPU; the index that CUDA gives it may be another one there."""
    return f"GPU-{torch.cuda.get_device_properties(device or 0).uuid}"


def _ceiling_now(work: Work) -> Ceiling:
    """The ceiling of a GPU that has no calibration, measured on the spot."""
    device = torch.device("cuda", 0)
    copy = ceiling.copy_bandwidth(device) if work.bytes_moved else None
    rates = {"float16": ceiling.matmul_rate(device)} if work.flops else {}
    return Ceiling(copy, copy, rates)


def _by_events(rounds: list[Round]) -> Seconds:
    """Seconds per call of both sides as the workers' device events tell them."""
    quadruples = [
        Quadruple(*(max(batch.events_s, 1e-9) / batch.calls for batch in each.batches))
        for each in rounds
    ]
    return seconds_per_call(quadruples)
