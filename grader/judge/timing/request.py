"""What a lesson's test asks to be timed, and the measurement of it from workers to verdict."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING, Any

import torch

from grader.course_files import load_module
from grader.judge import excuses, provenance
from grader.judge.conduct import Conduct
from grader.judge.invocation import Scenario
from grader.judge.seeds import case_seed
from grader.judge.submission import GradedFunction
from grader.judge.timing import ceiling, machine
from grader.judge.timing.calibration import Calibration, find
from grader.judge.timing.credit import SpeedSpec
from grader.judge.timing.measure import Comparison, Round
from grader.judge.timing.mirror import Mirror, nbytes, rings_beyond
from grader.judge.timing.record import Circumstances, achieved, seconds_per_call, timing_json
from grader.judge.timing.record import Sides as Seconds
from grader.judge.timing.roofline import Ceiling, Work
from grader.judge.timing.sequential import Trial
from grader.judge.timing.sides import Side
from grader.judge.timing.statistics import Quadruple
from grader.judge.timing.thresholds import Threshold, effective_threshold
from grader.judge.timing.turns import turn
from grader.judge.timing.verdict import Verdict, judge, not_discriminating, start_trial
from grader.protocol.data import Data
from grader.protocol.frames import Message
from grader.sandbox.processes import descendants

if TYPE_CHECKING:
    from grader.judge.grading import Grading


# Times that all input sets must fit into memory: in each of two workers once as inputs, once while
# they are made, and twice as results, which stay alive for two rounds.
_NEEDED = 8


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

    def verdict(
        self, comparison: Comparison | None = None
    ) -> tuple[Verdict, dict[str, Any] | None]:
        """Measure and judge: the verdict and the measurement, if one was made.

        Args:
            comparison: What ``prepare`` gave, to be measured once more; made if left out.

        Raises:
            Judged: The submission raised, hung, crashed or gave wrong results.
        """
        calibration = find(self.grading.lesson.root, self.grading.describe().name)
        threshold = self.threshold(calibration)
        if not threshold.discriminates:
            return not_discriminating(), None
        trial = start_trial(threshold, self.work)
        with turn(gpu_uuid()):
            before = machine.snapshot(gpu_uuid())
            rounds = self.measured(trial, comparison)
            after = machine.snapshot(gpu_uuid())
        top = Ceiling.of(calibration) if calibration else _ceiling_now(self.work)
        student, theirs = achieved(trial.quadruples, self.work, top)
        baseline = self.contest.baseline
        others = max(self._others_on(before), self._others_on(after))
        verdict = judge(trial, threshold, baseline, student.impossible(theirs), others)
        circumstances = Circumstances(
            events=_by_events(rounds),
            calls_per_batch=rounds[-1].b1.calls,
            before=before,
            after=after,
            flags=machine.warnings(before, after, others),
        )
        timing = timing_json(trial, threshold, verdict, baseline, student, circumstances)
        return verdict, timing

    def measured(self, trial: Trial, comparison: Comparison | None = None) -> list[Round]:
        """Measure until the trial is finished; the batches, in the order of time.

        After a shortage of memory the measurement goes on in fresh workers. What was measured
        before it still counts: whoever feigns one gets no second chance.

        Args:
            trial: Takes the measurements.
            comparison: What ``prepare`` gave; made if left out.
        """
        rounds: list[Round] = []
        if comparison is not None:
            comparison.run(trial, rounds)
        else:
            excuses.believed(lambda: self.prepare().run(trial, rounds), self.has_room)
        return rounds

    def log_ratios(self, count: int) -> list[float]:
        """Log-ratios of so many quadruples, whatever they would decide.

        Raises:
            Judged: As ``verdict`` does.
        """
        with turn(gpu_uuid()):
            comparison = self.prepare()
            return [comparison.round().quadruple.log_ratio for _ in range(count)]

    def has_room(self) -> bool:
        """Whether the GPU has memory for both sides, once this run holds none."""
        try:
            needs = self._needs()
        except torch.OutOfMemoryError:
            return False
        return self.grading.timing_session().has_room(needs)

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
        reference = load_module(self.grading.lesson.reference)
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
            Side(self.grading.timing_session(), self.function.name, own, scenario),
            mirror,
            case_seed(self.grading.seed, self.test, "batches"),
            self.inspect,
        )
        comparison.prepare(self.grading.lesson.reference.read_text(), seed)
        return comparison

    def inspect(self, seen: Message) -> None:
        """Look at what was noted of an audited call.

        Raises:
            Judged: It was not the work of the submission's own kernels.
        """
        conduct = Conduct.told(self.function.function, seen)
        provenance.require_own_work(conduct, self.grading.source.text)
        provenance.require_launches(conduct)

    def _others_on(self, gpu: machine.MachineState | None) -> int:
        """How many processes on a GPU this run has not started."""
        return machine.others(gpu, self.grading.processes(), descendants(os.getpid()))

    def _needs(self) -> list[int]:
        """Bytes of each block of memory that the two workers may need."""
        device = torch.device("cuda", 0)
        maker = getattr(load_module(self.grading.lesson.reference), self.contest.inputs)
        set_bytes = nbytes(maker(Data(0, device)))
        return [set_bytes] * (_NEEDED * rings_beyond(ceiling.cache_bytes(device), set_bytes))

    def _oracle(self, reference: ModuleType) -> Callable[..., Any]:
        """The right results of what is timed, in this process."""
        oracle: Callable[..., Any] = getattr(reference, self.contest.oracle)
        if self.contest.scenario is None:
            return oracle
        course = load_module(self.grading.lesson.scenarios)
        return partial(getattr(course, self.contest.scenario.name), oracle)


def gpu_uuid(device: torch.device | None = None) -> str:
    """The driver's name of a GPU; the index that CUDA gives it may be another one there."""
    return f"GPU-{torch.cuda.get_device_properties(device or 0).uuid}"


def _ceiling_now(work: Work) -> Ceiling:
    """The ceiling of a GPU that has no calibration, measured on the spot."""
    device = torch.device("cuda", 0)
    copy = ceiling.copy_bandwidth(device) if work.bytes_moved else None
    rates = {"float16": ceiling.matmul_rate(device)} if work.flops else {}
    if work.flops and work.dtype == "int8":
        rates["int8"] = ceiling.int8_matmul_rate(device)
    return Ceiling(copy, copy, rates)


def _by_events(rounds: list[Round]) -> Seconds:
    """Seconds per call of both sides as the workers' device events tell them."""
    quadruples = [
        Quadruple(*(max(batch.events_s, 1e-9) / batch.calls for batch in each.batches))
        for each in rounds
    ]
    return seconds_per_call(quadruples)
