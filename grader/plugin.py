"""pytest plugin: what turns a lesson's ordinary tests into graded ones.

Reads the markers of ``grader.testing``, offers the fixtures that hide judge and worker, and
attaches a ``CaseResult`` to each report. A plain ``pytest course/lesson01`` works as well as
``grade lesson01``; tests outside a lesson are left alone.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from grader import cases as case_table
from grader.course_files import load_module
from grader.judge.device import arithmetic_of, choose_device
from grader.judge.seeds import case_seed, fresh_seed
from grader.lesson import Course, Lesson
from grader.results import NO_MEMORY, CaseResult, Diagnosis, Status
from grader.testing import Judged

if TYPE_CHECKING:
    from grader.judge.check import Check
    from grader.judge.grading import Grading
    from grader.judge.peak_memory import PeakMemory
    from grader.judge.submission import Submission
    from grader.judge.timing.speed import Speed
    from grader.judge.traffic import Traffic
    from grader.protocol.data import Data

GRADINGS = pytest.StashKey[dict[str, "Grading"]]()
_HOPELESS = pytest.StashKey[set[str]]()

# After one of these, the other cases of a test could only say the same again, or hang again.
_FINAL_STATUSES = {Status.NOT_STARTED, Status.CRASHED, Status.TIMED_OUT, Status.REFUSED}
_FINAL_KINDS = {"syntax-error", "import-error", "import-failed", "todo-left", "missing-function",
                "out-of-memory"}  # fmt: skip


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options for a plain pytest run; ``grade`` sets them itself."""
    group = parser.getgroup("graded lessons")
    group.addoption("--submission", type=Path, help="file to grade (default: the exercise)")
    group.addoption("--grade-device", choices=["auto", "cpu", "gpu"], default="auto")
    group.addoption("--grade-seed", help="seed of all inputs (default: fresh entropy)")


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers."""
    config.addinivalue_line("markers", "points(value): what a graded test is worth")
    config.addinivalue_line("markers", "hint(section): section of hints.md that helps")
    config.addinivalue_line("markers", "cases(names, cpu, gpu): parameters for each tier")
    config.stash.setdefault(GRADINGS, {})
    config.stash[_HOPELESS] = set()


def pytest_unconfigure(config: pytest.Config) -> None:
    """End all workers."""
    for grading in config.stash.get(GRADINGS, {}).values():
        grading.close()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrise a test with the cases of this run's tier, hidden ones included."""
    marker = metafunc.definition.get_closest_marker("cases")
    if marker is None:
        return
    device = choose_device(metafunc.config.getoption("--grade-device"))
    lesson = _lesson_of(metafunc.definition.path)
    table = case_table.of_test(marker, metafunc.definition.name, device, lesson)
    metafunc.parametrize(table.names, table.values, ids=table.ids)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip cases that could only repeat a final verdict, and those of another tier."""
    if _test_id(item) in item.config.stash[_HOPELESS]:
        pytest.skip("an earlier case of this test was final")
    if case_table.is_for_another_device(item):
        diagnosis = Diagnosis("needs-gpu", "Only a GPU can judge this. Run it on one.")
        raise Judged(Status.DEFERRED, diagnosis)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Attach the case's result, and show pytest the verdict instead of a traceback."""
    report = yield
    if item.get_closest_marker("points") is None or call.when == "teardown":
        return report
    if call.when == "setup" and call.excinfo is None:
        return report
    if call.excinfo is not None and call.excinfo.errisinstance(pytest.skip.Exception):
        return report
    result = _case_result(item, call)
    report.case = result  # type: ignore[attr-defined]
    if result.status in _FINAL_STATUSES or (
        result.diagnosis is not None and result.diagnosis.kind in _FINAL_KINDS
    ):
        item.config.stash[_HOPELESS].add(_test_id(item))
    _present(report, item, result)
    return report


def _case_result(item: pytest.Item, call: pytest.CallInfo[None]) -> CaseResult:
    case_id, duration = _case_id(item), call.duration
    error = call.excinfo.value if call.excinfo else None
    if isinstance(error, Judged):
        return CaseResult(case_id, error.status, error.diagnosis, error.share, duration,
                          error.timing, error.traffic)  # fmt: skip
    if error is not None and _is_shortage(error):
        message = "This GPU has too little memory for this case; use one with more."
        return CaseResult(case_id, Status.DEFERRED, Diagnosis(NO_MEMORY, message), 0.0, duration)
    if error is not None:
        message = f"The grader or the lesson's test failed: {type(error).__name__}: {error}"
        return _grader_error(case_id, message, duration)
    measured = [value for value in _funcargs(item).values() if hasattr(value, "verdicts")]
    if not sum(value.verdicts for value in measured):
        message = f"{_test_id(item)} ended without checking anything. Report this."
        return _grader_error(case_id, message, duration)
    details: dict[str, Any] = {
        name: detail
        for value in measured
        for name in _DETAILS
        if (detail := getattr(value, name, None))
    }
    return CaseResult(case_id, Status.PASSED, None, 1.0, duration, **details)


def _is_shortage(error: BaseException) -> bool:
    """Whether the judge's own arithmetic ran out of the GPU's memory, as torch or CUDA says it."""
    return type(error).__name__ == "OutOfMemoryError" or "CUDA error: out of memory" in str(error)


def _grader_error(case_id: str, message: str, duration_s: float) -> CaseResult:
    diagnosis = Diagnosis("grader-error", message)
    return CaseResult(case_id, Status.GRADER_ERROR, diagnosis, 0.0, duration_s)


_DETAILS = ("timing", "traffic", "kernels")


def _present(report: pytest.TestReport, item: pytest.Item, result: CaseResult) -> None:
    if result.diagnosis is None:
        return
    text = f"{result.status}: {result.diagnosis.message}"
    if result.diagnosis.line:
        text += f" (line {result.diagnosis.line})"
    if result.status is Status.DEFERRED:
        report.outcome = "skipped"
        report.longrepr = (str(item.path), 0, text)
    elif result.status is not Status.GRADER_ERROR:
        report.outcome = "failed"
        report.longrepr = text


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Compute the right answers of a graded test where its data lie.

    What the test and the lesson's reference create meanwhile, a vector of ones for example,
    lies there too. A speed test names makers instead, which are told their device.
    """
    grading, fixtures = _funcargs(pyfuncitem).get("grading"), pyfuncitem.fixturenames
    if grading is None or "speed" in fixtures:
        return (yield)
    import torch

    with torch.device(arithmetic_of(_tier(grading, fixtures))):
        return (yield)


def _tier(grading: Grading, fixtures: Sequence[str]) -> str:
    """How the submission runs that a test with these fixtures asks for."""
    return "interpreted" if "interpreted" in fixtures else grading.tier


@pytest.fixture
def grading(request: pytest.FixtureRequest) -> Grading:
    """The judge's side of this lesson run."""
    from grader.judge.grading import Grading
    from grader.judge.source import SubmissionSource

    lesson = _lesson_of(request.path)
    if lesson is None:
        raise LookupError(f"{request.path} lies in no folder course/lessonNN")
    gradings = request.config.stash[GRADINGS]
    if lesson.name not in gradings:
        file = lesson.submission(request.config.getoption("--submission"), Path.cwd())
        gradings[lesson.name] = Grading(
            lesson,
            SubmissionSource.read(file),
            choose_device(request.config.getoption("--grade-device")),
            request.config.getoption("--grade-seed") or fresh_seed(),
        )
    return gradings[lesson.name]


@pytest.fixture
def submission(grading: Grading) -> Submission:
    """The functions to grade, running as this machine runs kernels."""
    return grading.submission(grading.tier)


@pytest.fixture
def interpreted(grading: Grading) -> Submission:
    """The functions to grade, interpreted with every access checked, on any machine."""
    return grading.submission("interpreted")


@pytest.fixture
def check(grading: Grading) -> Check:
    """Compares what a call returned with what it should be."""
    from grader.judge.check import Check

    return Check(grading.source)


@pytest.fixture
def traffic() -> Traffic:
    """Compares the bytes that a call moved with the fewest possible."""
    from grader.judge.traffic import Traffic

    return Traffic()


@pytest.fixture
def speed(request: pytest.FixtureRequest, grading: Grading) -> Speed:
    """Times a function side by side with a baseline."""
    from grader.judge.timing.speed import Speed

    return Speed(grading, _test_id(request.node))


@pytest.fixture
def peak_memory() -> PeakMemory:
    """Compares the memory that a call allocates with a limit."""
    from grader.judge.peak_memory import PeakMemory

    return PeakMemory()


@pytest.fixture
def data(request: pytest.FixtureRequest, grading: Grading) -> Data:
    """Random inputs of this case."""
    from grader.protocol.data import Data

    seed = case_seed(grading.seed, _test_id(request.node), _case_id(request.node))
    return Data(seed, arithmetic_of(_tier(grading, request.fixturenames)))


@pytest.fixture
def reference(grading: Grading) -> ModuleType:
    """The lesson's ``reference.py``."""
    return load_module(grading.lesson.reference)


@pytest.fixture
def scenarios(grading: Grading) -> ModuleType:
    """The lesson's ``scenarios.py``, for the judge's own runs of them."""
    return load_module(grading.lesson.scenarios)


def _lesson_of(path: Path) -> Lesson | None:
    folder = path.parent
    if not (folder / "lesson.toml").is_file():
        return None
    return Course(folder.parents[1]).lesson(folder.name)


def _test_id(item: Any) -> str:
    return str(getattr(item, "originalname", None) or item.name)


def _case_id(item: Any) -> str:
    callspec = getattr(item, "callspec", None)
    return str(callspec.id) if callspec is not None else ""


def _funcargs(item: pytest.Item) -> dict[str, Any]:
    return getattr(item, "funcargs", {})
