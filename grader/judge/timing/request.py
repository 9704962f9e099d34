"""What a lesson's test asks to be timed, and the measurement of it from workers to verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
from grader.judge.timing import ceiling
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
from grader.judge.timing.surroundings import Surroundings, Watch
from grader.judge.timing.thresholds import Threshold, effective_threshold
from grader.judge.timing.turns import turn
from grader.judge.timing.verdict import Verdict, judge, not_discriminating, start_trial
from grader.protocol.data import Data
from grader.protocol.frames import Message

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
class Measurement:
    """What a trial was fed with, and what went on beside.

    Attributes:
        rounds: The batches, in the order of time.
        surroundings: What was seen of the GPU meanwhile.
    """

    rounds: list[Round]
    surroundings: Surroundings


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
        found = self.measured(trial, comparison)
        top = Ceiling.of(calibration) if calibration else self._ceiling_now()
        student, theirs = achieved(trial.quadruples, self.work, top)
        baseline, beside = self.contest.baseline, found.surroundings
        verdict = judge(trial, threshold, baseline, student.impossible(theirs), beside.at_work)
        circumstances = Circumstances(
            events=_by_events(found.rounds),
            calls_per_batch=found.rounds[-1].b1.calls,
            before=beside.before,
            after=beside.after,
            flags=beside.flags,
        )
        timing = timing_json(trial, threshold, verdict, baseline, student, circumstances)
        return verdict, timing

    def measured(self, trial: Trial, comparison: Comparison | None = None) -> Measurement:
        """Measure until the trial is finished, or for so long that it stays undecided.

        After a shortage of memory the measurement goes on in fresh workers. What was measured
        before it still counts: whoever feigns one gets no second chance.

        Args:
            trial: Takes the measurements.
            comparison: What ``prepare`` gave; made if left out.
        """
        rounds: list[Round] = []
        if comparison is not None:
            return self._run(comparison, trial, rounds)
        return excuses.believed(lambda: self._run(self.prepare(), trial, rounds), self.has_room)

    def _run(self, comparison: Comparison, trial: Trial, rounds: list[Round]) -> Measurement:
        with self._turn() as contended, Watch(gpu_uuid(), self.grading.processes) as watch:
            comparison.run(trial, rounds)
        return Measurement(rounds, watch.seen(contended))

    @contextmanager
    def _turn(self) -> Iterator[bool]:
        """As ``turns.turn``; a run that waited in vain does not wait for that long again."""
        with turn(gpu_uuid(), self.grading.patience_s) as contended:
            if contended:
                self.grading.patience_s = 0.0
            yield contended

    def log_ratios(self, count: int) -> list[float]:
        """Log-ratios of so many quadruples, whatever they would decide.

        Raises:
            Judged: As ``verdict`` does.
        """
        comparison = self.prepare()
        with self._turn():
            comparison.settle()
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

    def _ceiling_now(self) -> Ceiling:
        """The ceiling of a GPU that has no calibration, measured on the spot."""
        device, work = torch.device("cuda", 0), self.work
        with self._turn():
            copy = ceiling.copy_bandwidth(device) if work.bytes_moved else None
            rates = {"float16": ceiling.matmul_rate(device)} if work.flops else {}
            if work.flops and work.dtype == "int8":
                rates["int8"] = ceiling.int8_matmul_rate(device)
        return Ceiling(copy, copy, rates)

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


def _by_events(rounds: list[Round]) -> Seconds:
    """Seconds per call of both sides as the workers' device events tell them."""
    quadruples = [
        Quadruple(*(max(batch.events_s, 1e-9) / batch.calls for batch in each.batches))
        for each in rounds
    ]
    return seconds_per_call(quadruples)
