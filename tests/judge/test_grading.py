"""Which worker does what in one run of a lesson."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.judge import grading as module
from grader.judge.grading import Grading
from grader.judge.source import SubmissionSource
from grader.lesson import Course

COURSE = Course(Path(__file__).parents[2])


class Started:
    """Stands in for a worker process."""

    def __init__(self, tier: str, gradients: bool) -> None:
        self.tier = tier
        self.gradients = gradients
        self.ended = False

    def close(self) -> None:
        self.ended = True


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Started]:
    workers: list[Started] = []

    def start(tier: str, gradients: bool = False) -> Started:
        workers.append(Started(tier, gradients))
        return workers[-1]

    monkeypatch.setattr(module, "WorkerProcess", start)
    return workers


def grading_of(name: str) -> Grading:
    lesson = COURSE.lesson(name)
    return Grading(lesson, SubmissionSource.read(lesson.solution), "gpu", "00" * 16)


@pytest.fixture
def on_a_gpu(started: list[Started]) -> Grading:
    return grading_of("lesson01")


@pytest.mark.parametrize(("name", "gradients"), [("lesson01", False), ("lesson06", True)])
def test_workers_start_ready_for_gradients_where_a_lesson_grades_them(
    started: list[Started], name: str, gradients: bool
) -> None:
    grading = grading_of(name)
    grading.session("compiled")
    grading.session("interpreted")
    grading.baseline_session()
    grading.timing_session()
    assert [worker.gradients for worker in started] == [gradients] * 4


def test_timing_has_a_worker_of_its_own(on_a_gpu: Grading, started: list[Started]) -> None:
    sessions = [
        on_a_gpu.session("compiled"),
        on_a_gpu.session("interpreted"),
        on_a_gpu.baseline_session(),
        on_a_gpu.timing_session(),
    ]
    assert len({id(session) for session in sessions}) == len(started) == 4
    assert on_a_gpu.timing_session() is sessions[-1]
    assert sessions[-1].tier == "compiled"


def test_all_workers_end_with_the_run(on_a_gpu: Grading, started: list[Started]) -> None:
    on_a_gpu.timing_session()
    on_a_gpu.baseline_session()
    on_a_gpu.close()
    assert [worker.ended for worker in started] == [True, True]


def test_memory_is_let_go_where_a_file_is_loaded_and_nowhere_else(
    on_a_gpu: Grading, started: list[Started], monkeypatch: pytest.MonkeyPatch
) -> None:
    idle, busy = on_a_gpu.timing_session(), on_a_gpu.session("compiled")
    monkeypatch.setattr(busy._worker, "_is_loaded", True)
    on_a_gpu.let_go()
    assert [worker.ended for worker in started] == [False, True]
    assert on_a_gpu.timing_session() is idle
