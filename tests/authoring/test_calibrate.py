"""What a GPU is calibrated by: measurements that must all come to their end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from grader.authoring import calibrate
from grader.authoring.calibrate import BaselineRequest, CalibrationFailedError, with_requests
from grader.judge.grading import Grading
from grader.judge.source import SubmissionSource
from grader.judge.submission import GradedFunction
from grader.judge.timing.request import SpeedRequest
from grader.lesson import Course, Lesson
from grader.protocol.frames import Message
from grader.results import CaseResult, Device, Diagnosis, Report, Status, TestResult
from grader.run import RunRequest
from grader.testing import Judged

ROOT = Path(__file__).parents[2]
COMPUTED_BY_TORCH: Message = {
    "launches": [],
    "audit": {
        "operations": [{"name": "aten::add", "line": 3, "count": 1}],
        "beside": [],
        "starts": [],
        "device_kernels": [],
        "tampered": [],
    },
}


@pytest.fixture
def lesson() -> Lesson:
    return Course(ROOT).lesson("lesson01")


def request_of(kind: type[SpeedRequest], lesson: Lesson, test: str = "test_speed") -> SpeedRequest:
    source = SubmissionSource.read(lesson.reference)
    grading = Grading(lesson, source, "cpu", "0" * 32)
    nothing: Any = None
    function = GradedFunction(lesson.functions["add"], source, "", nothing)
    return kind(grading, test, function, nothing, nothing)


def test_a_baseline_timed_in_the_submissions_place_may_compute_with_torch(lesson: Lesson) -> None:
    request_of(BaselineRequest, lesson).inspect(COMPUTED_BY_TORCH)


def test_a_submission_may_not(lesson: Lesson) -> None:
    with pytest.raises(Judged) as caught:
        request_of(SpeedRequest, lesson).inspect(COMPUTED_BY_TORCH)
    assert caught.value.diagnosis.kind == "torch-instead-of-kernel"


# ----------------------------------------------------------------- measurements that do not end


def grading_that(reaches: list[str]) -> Callable[..., Report]:
    """A grading run that comes to the measurements of these tests, and to no others."""

    def grade(run: RunRequest, observer: Any, probe: Callable[[SpeedRequest], None]) -> Report:
        results = []
        for name in run.only:
            case = CaseResult("", Status.DEFERRED, Diagnosis("no-memory", "The GPU is full."))
            if name in reaches:
                probe(request_of(SpeedRequest, run.lesson, name))
                case = CaseResult("", Status.PASSED)
            results.append(TestResult(name, name, 1.0, (case,)))
        here = Device("gpu", "NVIDIA H200")
        return Report("lesson01", "", "", here, "bubblewrap", "", 0.0, tuple(results))

    return grade


def test_every_speed_test_asked_for_is_measured(
    lesson: Lesson, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibrate, "grade", grading_that(["test_a", "test_b"]))
    measured: list[str] = []
    with_requests(lesson, ("test_a", "test_b"), lambda request: measured.append(request.test))
    assert measured == ["test_a", "test_b"]


def test_a_speed_test_that_could_not_be_measured_is_an_error_with_its_reason(
    lesson: Lesson, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibrate, "grade", grading_that(["test_a"]))
    with pytest.raises(CalibrationFailedError, match="test_b could not .* The GPU is full"):
        with_requests(lesson, ("test_a", "test_b"), lambda request: None)
