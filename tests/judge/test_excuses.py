from __future__ import annotations

from collections.abc import Callable

import pytest

from grader.judge.excuses import believed
from grader.judge.replies import ShortageError, WorkerFaultError
from grader.results import Diagnosis, Status
from grader.testing import Judged

HOG = Judged(Status.FAILED, Diagnosis("out-of-memory", "takes it all"))
OURS = ShortageError("no room")
THEIRS = ShortageError("no room", HOG)
FAULT = WorkerFaultError("a bug")


def attempts(*ends: Exception | str) -> Callable[[], str]:
    """Something that ends differently each time."""
    left = list(ends)

    def attempt() -> str:
        end = left.pop(0)
        if isinstance(end, Exception):
            raise end
        return end

    return attempt


def room(*answers: bool) -> Callable[[], bool]:
    left = list(answers)
    return lambda: left.pop(0)


@pytest.mark.parametrize("excuse", [OURS, THEIRS, FAULT], ids=["ours", "theirs", "fault"])
def test_an_excuse_that_does_not_come_again_is_forgotten(excuse: Exception) -> None:
    assert believed(attempts(excuse, "done"), room(True)) == "done"


@pytest.mark.parametrize("shortage", [OURS, THEIRS], ids=["ours", "theirs"])
@pytest.mark.parametrize("answers", [(False,), (True, False)], ids=["at once", "the second time"])
def test_a_machine_without_room_defers_the_case(
    shortage: ShortageError, answers: tuple[bool, ...]
) -> None:
    with pytest.raises(Judged) as judged:
        believed(attempts(shortage, shortage), room(*answers))
    assert judged.value.status is Status.DEFERRED
    assert "Grade again" in judged.value.diagnosis.message


def test_a_submission_that_runs_out_of_memory_that_is_there_fails() -> None:
    with pytest.raises(Judged) as judged:
        believed(attempts(THEIRS, THEIRS), room(True, True))
    assert judged.value is HOG


@pytest.mark.parametrize("first", [OURS, FAULT], ids=["ours", "fault"])
def test_running_out_of_memory_once_is_no_failure(first: Exception) -> None:
    """Others came and went in the first attempt; they may have in the second."""
    with pytest.raises(Judged) as judged:
        believed(attempts(first, THEIRS), room(True, True))
    assert judged.value.status is Status.DEFERRED


def test_the_courses_own_code_that_has_no_room_beside_a_submission_costs_nothing() -> None:
    with pytest.raises(Judged) as judged:
        believed(attempts(OURS, OURS), room(True, True))
    assert judged.value.status is Status.DEFERRED


@pytest.mark.parametrize("first", [FAULT, THEIRS], ids=["fault", "shortage"])
def test_a_fault_at_the_second_attempt_is_no_verdict(first: Exception) -> None:
    with pytest.raises(WorkerFaultError):
        believed(attempts(first, FAULT), room(True))


def test_what_an_attempt_held_is_gone_when_room_is_looked_for() -> None:
    alive: list[str] = []

    class Held:
        def __init__(self) -> None:
            alive.append("held")

        def __del__(self) -> None:
            alive.clear()

    def attempt() -> str:
        held = Held()  # noqa: F841
        raise ShortageError("no room")

    def has_room() -> bool:
        assert not alive
        return False

    with pytest.raises(Judged):
        believed(attempt, has_room)
