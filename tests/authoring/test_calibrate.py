"""What a GPU is calibrated by: measurements that must all come to their end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from grader.authoring import calibrate
from grader.authoring.calibrate import CalibrationFailedError, with_requests
from grader.judge.timing.request import SpeedRequest
from grader.results import CaseResult, Device, Diagnosis, Report, Status, TestResult
from grader.run import RunRequest
from tests.grading.tiny import tiny_lesson


def grading_that(reaches: list[str]) -> Callable[..., Report]:
    """A grading run that comes to the measurements of these tests, and to no others."""

    def grade(run: RunRequest, observer: Any, probe: Callable[[SpeedRequest], None]) -> Report:
        results = []
        for name in run.only:
            case = CaseResult("", Status.DEFERRED, Diagnosis("no-memory", "The GPU is full."))
            if name in reaches:
                nothing: Any = None
                probe(SpeedRequest(nothing, name, nothing, nothing, nothing))
                case = CaseResult("", Status.PASSED)
            results.append(TestResult(name, name, 1.0, (case,)))
        here = Device("gpu", "NVIDIA H200")
        return Report("lesson01", "", "", here, "bubblewrap", "", 0.0, tuple(results))

    return grade


def test_every_speed_test_asked_for_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibrate, "grade", grading_that(["test_a", "test_b"]))
    measured: list[str] = []
    tests = ("test_a", "test_b")
    with_requests(tiny_lesson(), tests, lambda request: measured.append(request.test))
    assert measured == ["test_a", "test_b"]


def test_a_speed_test_that_could_not_be_measured_is_an_error_with_its_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(calibrate, "grade", grading_that(["test_a"]))
    with pytest.raises(CalibrationFailedError, match="test_b could not .* The GPU is full"):
        with_requests(tiny_lesson(), ("test_a", "test_b"), lambda request: None)
