"""One grading run: a lesson and a submission through pytest to a report.

``cli -> run -> pytest (plugin) -> judge -> worker -> judge -> Report -> report/``
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from grader import gpu_targets, sandbox
from grader.errors import LessonDefinitionError
from grader.judge.device import choose_device, tier_of, wake_gpu
from grader.judge.process import WorkerProcess
from grader.judge.seeds import fresh_seed
from grader.judge.source import SubmissionSource
from grader.lesson import Lesson
from grader.lesson_tests import LessonTest, find_test, graded_tests
from grader.results import CaseResult, Device, Diagnosis, Report, Status, TestResult

if TYPE_CHECKING:
    from grader.judge.grading import Grading
    from grader.judge.timing.request import SpeedRequest


@dataclass(frozen=True)
class Plan:
    """One graded test before it ran.

    Attributes:
        id: Name of the test.
        title: What students read.
        max_points: What it is worth.
        cases: How many parameter sets it has on this device.
        hint: The nudge of its hints, if it has hints.
        file: Name of the file that holds it.
    """

    id: str
    title: str
    max_points: float
    cases: int
    hint: str | None = None
    file: str = ""


class Observer(Protocol):
    """Told what happens while a lesson is graded."""

    def planned(
        self, lesson: Lesson, file: Path, device: Device, sandbox: str, tests: Sequence[Plan]
    ) -> None:
        """The worker is up and the tests are known."""

    def case_started(self, test_id: str, case_id: str) -> None:
        """A case begins."""

    def test_finished(self, result: TestResult) -> None:
        """All cases of a test ended."""


@dataclass(frozen=True)
class RunRequest:
    """What to grade and how.

    Attributes:
        lesson: The lesson.
        file: The submission.
        device: ``"auto"``, ``"cpu"`` or ``"gpu"``.
        only: Names of the tests to run; all if empty.
        seed: Seed of the inputs; fresh entropy if ``None``.
        targets: GPU targets that kernels are compiled for where there is no GPU.
        policed: Whether the policy has a say; without it one sees what a cheat gains even so.
    """

    lesson: Lesson
    file: Path
    device: str = "auto"
    only: tuple[str, ...] = ()
    seed: str | None = None
    targets: tuple[str, ...] = gpu_targets.DEFAULT
    policed: bool = True


def grade(
    request: RunRequest,
    observer: Observer,
    speed_probe: Callable[[SpeedRequest], None] | None = None,
) -> Report:
    """Grade one submission to one lesson.

    Args:
        request: What to grade and how.
        observer: Told what happens.
        speed_probe: Takes each speed measurement instead of the verdict; for calibration.

    Raises:
        GraderError: Nothing could be graded at all; what concerns single tests is in the
            report instead.
    """
    started = time.monotonic()
    only = [find_test(request.lesson, name) for name in request.only]
    grading = _start(request)
    grading.speed_probe = speed_probe
    try:
        recorder = _Recorder(grading, observer)
        _run_pytest(only, grading, recorder)
        return Report(
            lesson=request.lesson.name,
            title=request.lesson.title,
            file=str(request.file),
            device=recorder.device,
            sandbox=sandbox.probe().level,
            seed=grading.seed,
            duration_s=time.monotonic() - started,
            tests=recorder.results(),
        )
    finally:
        grading.close()


def _start(request: RunRequest) -> Grading:
    device = choose_device(request.device)
    source = SubmissionSource.read(request.file)
    worker = WorkerProcess(tier_of(device), request.lesson.differentiates)
    # torch takes seconds to import; the worker does the same in the meantime.
    from grader.judge.grading import Grading
    from grader.scenarios import import_for_gradients

    if device == "gpu":
        wake_gpu()
    if request.lesson.differentiates:
        import_for_gradients()
    seed = request.seed or fresh_seed()
    grading = Grading(request.lesson, source, device, seed, request.targets)
    grading.policed = request.policed
    grading.adopt(worker)
    return grading


# pytest's own; the last one collects garbage for longer than a small lesson takes.
_UNUSED_PLUGINS = ("terminal", "cacheprovider", "faulthandler", "junitxml", "unraisableexception")


def _run_pytest(only: Sequence[LessonTest], grading: Grading, recorder: _Recorder) -> None:
    files = grading.lesson.test_files
    selected = [f"{test.file}::{test.name}" for test in only] or [str(file) for file in files]
    arguments = [
        *selected,
        f"--rootdir={grading.lesson.folder}",
        f"--config-file={Path(__file__).with_name('pytest.ini')}",
        "--noconftest",
        "--import-mode=importlib",
        "--disable-plugin-autoload",
        "--capture=no",
        *(f"-pno:{name}" for name in _UNUSED_PLUGINS),
        "-pgrader.plugin",
        f"--grade-device={grading.device}",
    ]
    for file in files:
        sys.modules.pop(file.stem, None)  # what an earlier run of this process imported
    with _untouched_environment():
        code = pytest.main(arguments, plugins=[recorder])
    if recorder.failure is not None:
        raise recorder.failure
    if code == pytest.ExitCode.INTERRUPTED and recorder.interrupted:
        raise KeyboardInterrupt
    if recorder.collection_error or not recorder.plans:
        reason = recorder.collection_error or f"pytest ended with {code!r}"
        told = ", ".join(map(str, files))
        raise LessonDefinitionError(f"{told}: no graded test could be collected.\n{reason}")


@contextmanager
def _untouched_environment() -> Iterator[None]:
    """Keep pytest's variables of the caller from changing how a lesson is graded."""
    names = [name for name in os.environ if name.startswith("PYTEST_")]
    saved = {name: os.environ.pop(name) for name in names}
    try:
        yield
    finally:
        for name in [name for name in os.environ if name.startswith("PYTEST_")]:
            del os.environ[name]
        os.environ.update(saved)


class _Recorder:
    """pytest plugin of one run: hands the judge's side in, takes the case results out."""

    def __init__(self, grading: Grading, observer: Observer) -> None:
        self._grading = grading
        self._observer = observer
        self._cases: dict[str, list[CaseResult]] = {}
        self.plans: dict[str, Plan] = {}
        self.device = Device(grading.device, "unknown")
        self.collection_error = ""
        self.interrupted = False
        self.failure: BaseException | None = None

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        from grader.plugin import GRADINGS

        config.stash[GRADINGS] = {self._grading.lesson.name: self._grading}

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.collection_error = str(report.longrepr)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        if self.collection_error:
            return
        lesson = self._grading.lesson
        known = {test.name: test for test in graded_tests(lesson)}
        for item in session.items:
            name = str(getattr(item, "originalname", None) or item.name)
            if name not in known:
                continue
            test = known[name]
            steps = lesson.hints.get(test.hint or "", ())
            count = self.plans[name].cases + 1 if name in self.plans else 1
            hint = steps[0] if steps else None
            self.plans[name] = Plan(
                name, test.title, test.points or 0.0, count, hint, test.file.name
            )
        fixtures = {name for item in session.items for name in getattr(item, "fixturenames", ())}
        self.device = self._grading.describe()
        self._observer.planned(
            lesson,
            self._grading.source.path,
            self.device,
            sandbox.probe().level,
            list(self.plans.values()),
        )
        self._prefetch(fixtures)

    def _prefetch(self, fixtures: set[str]) -> None:
        """Start the other workers that the tests will ask for, while the first ones run."""
        if "interpreted" in fixtures:
            self._grading.session("interpreted")
        if "speed" in fixtures and self._grading.device == "gpu":
            self._grading.baseline_session()
            self._grading.timing_session()

    def pytest_runtest_logstart(self, nodeid: str, location: Any) -> None:
        name, case = _names(nodeid)
        if name in self.plans:
            self._observer.case_started(name, case)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        case = getattr(report, "case", None)
        if case is not None:
            self._cases.setdefault(_names(report.nodeid)[0], []).append(case)

    def pytest_runtest_teardown(self, item: pytest.Item, nextitem: pytest.Item | None) -> None:
        following = getattr(nextitem, "originalname", None)
        name = getattr(item, "originalname", None)
        if name in self.plans and name != following:
            self._observer.test_finished(self._result(self.plans[name]))

    def pytest_internalerror(self, excrepr: object, excinfo: Any) -> bool:
        """Take what fails in our own hooks out of pytest's hands; ``grade`` raises it."""
        self.failure = excinfo.value
        return True

    def pytest_keyboard_interrupt(self, excinfo: Any) -> None:
        # pytest's own reasons to stop, such as an error in collection, are subclasses.
        self.interrupted = excinfo.type is KeyboardInterrupt

    def results(self) -> tuple[TestResult, ...]:
        """The results of all planned tests."""
        return tuple(self._result(plan) for plan in self.plans.values())

    def _result(self, plan: Plan) -> TestResult:
        cases = self._cases.get(plan.id, [])
        left_out = plan.cases - len(cases)
        # After a final verdict the other cases are left out on purpose.
        if left_out and all(case.status in (Status.PASSED, Status.SLOW) for case in cases):
            message = f"{left_out} of {plan.cases} cases of this test did not run."
            missing = Diagnosis("grader-error", message)
            cases = [*cases, CaseResult("", Status.GRADER_ERROR, missing)]
        return TestResult(plan.id, plan.title, plan.max_points, tuple(cases), plan.hint, plan.file)


def _names(nodeid: str) -> tuple[str, str]:
    """Names of test and case; a case's may hold any text."""
    test, _, case = nodeid.partition("[")
    return test.rpartition("::")[2], case.removesuffix("]")
