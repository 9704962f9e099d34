"""Measures a GPU for grading: its ceilings, its noise, and how fast the reference solutions are.

The numbers carry thresholds from the GPU where they were authored to this one. Everything is
measured the way a student is measured: same workers, same batches, same clock.
"""

from __future__ import annotations

import hashlib
import math
import statistics
from collections.abc import Callable, Sequence
from datetime import date

import torch
import triton

from grader.errors import GraderError
from grader.judge.timing import ceiling, machine
from grader.judge.timing.calibration import Calibration, ReferenceSpeed, authored_on, find
from grader.judge.timing.itself import against_itself
from grader.judge.timing.request import SpeedRequest, gpu_uuid
from grader.judge.timing.statistics import LOOKS, interval
from grader.judge.timing.turns import turn
from grader.lesson import Course, Lesson
from grader.report.progress import SilentProgress
from grader.run import RunRequest, grade

# As many quadruples as a verdict takes at most.
REFERENCE_QUADRUPLES = LOOKS[-1]
NOISE_RUNS = 8
NOISE_QUADRUPLES = LOOKS[0]


class CalibrationFailedError(GraderError):
    """The machine cannot be calibrated; says why."""


def calibrate(course: Course, lessons: Sequence[Lesson], say: Callable[[str], None]) -> Calibration:
    """Measure this GPU and the reference solutions of the lessons.

    Args:
        course: The course; its earlier calibration keeps what is not measured anew.
        lessons: Lessons whose references to measure.
        say: Takes a line of progress.

    Raises:
        CalibrationFailedError: There is no GPU, or a reference solution is not right on it.
        NotMeasuredError: A baseline could not be timed against itself.
    """
    if not torch.cuda.is_available():
        raise CalibrationFailedError("There is no CUDA GPU on this machine to calibrate.")
    device = torch.device("cuda", 0)
    name = torch.cuda.get_device_name(device)
    before = find(course.root, name)
    kept = before.references if before else {}
    references = {lesson: dict(tests) for lesson, tests in kept.items()}
    requests: list[SpeedRequest] = []
    for lesson in lessons:
        found = _references(lesson, requests, say)
        if found:
            references[lesson.name] = found
    say("ceilings")
    with turn(gpu_uuid(device)):
        copied, read = ceiling.copy_bandwidth(device), ceiling.read_bandwidth(device)
        products = {
            "float16": ceiling.matmul_rate(device),
            "bfloat16": ceiling.matmul_rate(device, torch.bfloat16),
            "int8": ceiling.int8_matmul_rate(device),
        }
    state = machine.snapshot(gpu_uuid(device))
    return Calibration(
        gpu=name,
        driver=(state.driver if state else None) or "unknown",
        versions={
            "torch": torch.__version__,
            "triton": triton.__version__,
            "cuda": str(torch.version.cuda),
        },
        date=date.today().isoformat(),
        authored_on=authored_on(course.root) or name,
        copy_bandwidth_bytes_per_s=copied,
        matmul_flops_per_s=products,
        read_bandwidth_bytes_per_s=read,
        between_runs=between_runs(requests[0], say) if requests else 0.0,
        references=references,
    )


def _references(
    lesson: Lesson, requests: list[SpeedRequest], say: Callable[[str], None]
) -> dict[str, ReferenceSpeed]:
    """Speeds of a lesson's reference solution; appends what was asked to ``requests``."""
    if not lesson.speed:
        return {}
    say(f"{lesson.name}: reference solution")
    speeds: dict[str, ReferenceSpeed] = {}
    digest = hashlib.sha256(lesson.solution.read_bytes()).hexdigest()

    def measure(request: SpeedRequest) -> None:
        requests.append(request)
        logs = request.log_ratios(REFERENCE_QUADRUPLES)
        found = interval(logs)
        say(f"  {request.test}: {found.ratio:.4f} [{found.low:.4f}, {found.high:.4f}]")
        speeds[request.test] = ReferenceSpeed(
            found.ratio, found.low, found.high, found.n, solution_sha256=digest
        )

    with_requests(lesson, tuple(lesson.speed), measure)
    return speeds


def with_requests(
    lesson: Lesson, tests: Sequence[str], use: Callable[[SpeedRequest], None]
) -> None:
    """Set the reference solution's speed tests up, and let ``use`` measure instead of judging.

    Raises:
        CalibrationFailedError: A measurement did not come to its end.
    """
    done: set[str] = set()

    def probe(request: SpeedRequest) -> None:
        use(request)
        done.add(request.test)

    run = RunRequest(lesson, lesson.solution, "gpu", tuple(tests))
    for test in grade(run, SilentProgress(), probe).tests:
        if test.id not in done:
            reason = test.diagnosis.message if test.diagnosis else test.status.value
            raise CalibrationFailedError(
                f"{lesson.solution}: {test.id} could not be measured: {reason}"
            )


def between_runs(request: SpeedRequest, say: Callable[[str], None]) -> float:
    """Standard deviation between runs of a baseline's log-ratio against itself.

    Each run has fresh workers and fresh data. What the quadruples of a run scatter is taken
    off, since a verdict's interval has it already.
    """
    means, errors = [], []
    for run in range(NOISE_RUNS):
        logs = against_itself(request, NOISE_QUADRUPLES)
        means.append(statistics.fmean(logs))
        errors.append(statistics.variance(logs) / len(logs))
        say(f"noise: run {run + 1} of {NOISE_RUNS}: {math.exp(means[-1]):.4f}")
    excess = statistics.variance(means) - statistics.fmean(errors)
    return math.sqrt(max(0.0, excess))
