"""A baseline timed against itself: what is asked of it, and what is not."""

from __future__ import annotations

from typing import Any, NoReturn

import pytest

from grader.judge.grading import Grading
from grader.judge.source import SubmissionSource
from grader.judge.submission import GradedFunction
from grader.judge.timing.itself import BaselineRequest, NotMeasuredError, against_itself
from grader.judge.timing.request import Contest, SpeedRequest
from grader.judge.timing.roofline import Work
from grader.lesson import Function
from grader.protocol.frames import Message
from grader.testing import Judged, fail
from tests.grading.tiny import tiny_lesson

CONTEST = Contest("double", "inputs", "double", "inputs")
COMPUTED_BY_TORCH: Message = {
    "launches": [],
    "audit": {
        "operations": [{"name": "aten::add", "line": 3, "count": 1, "elements": 4}],
        "beside": [],
        "starts": [],
        "device_kernels": [],
        "tampered": [],
    },
}


def request_of(kind: type[SpeedRequest]) -> SpeedRequest:
    lesson = tiny_lesson()
    source = SubmissionSource.read(lesson.reference)
    no_session: Any = None
    function = GradedFunction(Function("double", ()), source, "", no_session)
    return kind(Grading(lesson, source, "gpu", "0" * 32), "test_speed", function, CONTEST, Work())


def test_a_baseline_in_the_submissions_place_may_compute_with_torch() -> None:
    request_of(BaselineRequest).inspect(COMPUTED_BY_TORCH)


def test_a_submission_may_not() -> None:
    with pytest.raises(Judged) as caught:
        request_of(SpeedRequest).inspect(COMPUTED_BY_TORCH)
    assert caught.value.diagnosis.kind == "torch-instead-of-kernel"


def test_a_baseline_that_cannot_be_timed_is_an_error_that_names_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: Any) -> NoReturn:
        fail("exception", "double() raised ValueError.")

    monkeypatch.setattr(Grading, "session", lambda *_: None)
    monkeypatch.setattr(BaselineRequest, "log_ratios", broken)
    with pytest.raises(NotMeasuredError, match=r"double\(\) against itself .* raised ValueError"):
        against_itself(request_of(SpeedRequest), 4)


def test_it_is_timed_in_its_own_workers_with_the_inputs_of_the_baseline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[SpeedRequest] = []
    monkeypatch.setattr(Grading, "session", lambda *_: None)
    monkeypatch.setattr(
        BaselineRequest, "log_ratios", lambda self, count: asked.append(self) or [0.0] * count
    )
    request = request_of(SpeedRequest)
    assert against_itself(request, 4) == [0.0] * 4
    assert asked[0].grading is not request.grading
    assert (asked[0].function.name, asked[0].contest) == ("double", CONTEST)
