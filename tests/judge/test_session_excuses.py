"""What a session makes of workers that blame the machine or themselves."""

from __future__ import annotations

import pytest

from grader.errors import WorkerStartError
from grader.judge import excuses, loaded_worker
from grader.judge.process import WorkerDied
from grader.judge.session import Session, WorkerFaultError
from grader.protocol.frames import Message
from grader.results import Status
from grader.testing import Judged
from tests.judge.scripted import (
    DEADLINE_S,
    NEARLY_FULL,
    OUT_OF_MEMORY,
    ROOM,
    Answer,
    Scripted,
    call,
    verdict,
)


@pytest.mark.parametrize("operation", ["load", "call", "output"])
@pytest.mark.parametrize("excuse", ["fault", "shortage"])
def test_an_excuse_that_no_fresh_worker_repeats_costs_nothing(
    session: Session, workers: list[Scripted], operation: str, excuse: str
) -> None:
    workers[0].answers[operation] = {excuse: "no"}
    assert call(session).function == "f"
    assert workers[0].closed


@pytest.mark.parametrize("operation", ["load", "call", "output"])
def test_a_fault_that_a_fresh_worker_repeats_is_no_verdict(
    session: Session, workers: list[Scripted], monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    monkeypatch.setitem(Scripted.always, operation, {"fault": "Traceback\x1b[2J: no"})
    with pytest.raises(WorkerFaultError, match="Traceback: no"):
        call(session)
    assert [bool(worker.asked(operation)) for worker in workers[:3]] == [True, True, False]
    assert [worker.closed for worker in workers[:3]] == [True, True, False]


def test_a_shortage_is_believed_if_a_worker_without_the_submission_is_short_too(
    session: Session, workers: list[Scripted], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(Scripted.always, "call", {"shortage": "1 TB"})
    monkeypatch.setitem(Scripted.always, "reserve", {"shortage": "1 TB"})
    assert verdict(session) == (Status.DEFERRED, "no-memory")
    (request,) = workers[1].requests
    assert (request["op"], request["nbytes"]) == ("reserve", [16] * 8)  # two runs, four times


@pytest.mark.parametrize("told", [{"shortage": "1 TB"}, OUT_OF_MEMORY], ids=["inputs", "call"])
@pytest.mark.parametrize("left", [{"shortage": "1 TB"}, NEARLY_FULL], ids=["none", "little"])
def test_memory_that_others_hold_costs_no_points(
    session: Session, monkeypatch: pytest.MonkeyPatch, told: Message, left: Message
) -> None:
    monkeypatch.setitem(Scripted.always, "call", told)
    monkeypatch.setitem(Scripted.always, "reserve", left)
    assert verdict(session) == (Status.DEFERRED, "no-memory")


def test_memory_that_ran_out_once_costs_no_points(
    session: Session, workers: list[Scripted]
) -> None:
    workers[0].answers["call"] = OUT_OF_MEMORY
    assert call(session).function == "f"
    assert workers[0].closed


def test_a_call_that_takes_all_memory_again_fails_with_its_line(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(Scripted.always, "call", OUT_OF_MEMORY)
    with pytest.raises(Judged) as judged:
        call(session)
    assert judged.value.status is Status.FAILED
    assert judged.value.diagnosis.kind == "out-of-memory"
    assert judged.value.diagnosis.line == 7


KILLED = WorkerDied("signal", 9)  # as the system does where memory runs out


@pytest.mark.parametrize("operation", ["load", "call"])
@pytest.mark.parametrize("told", [OUT_OF_MEMORY, KILLED], ids=["out of memory", "killed"])
@pytest.mark.parametrize(
    ("left", "status"), [(ROOM, Status.PASSED), (NEARLY_FULL, Status.DEFERRED)]
)
def test_a_shortage_that_comes_once_costs_nothing_wherever_it_comes(
    session: Session, workers: list[Scripted], monkeypatch: pytest.MonkeyPatch,
    operation: str, told: Answer, left: Message, status: Status,
) -> None:  # fmt: skip
    workers[0].answers[operation] = told
    monkeypatch.setitem(Scripted.always, "reserve", left)
    if status is Status.PASSED:
        assert call(session).function == "f"
    else:
        assert verdict(session) == (status, "no-memory")
    assert call(session).function == "f"


@pytest.mark.parametrize("operation", ["load", "call"])
@pytest.mark.parametrize(
    ("told", "status", "kind"),
    [(KILLED, Status.CRASHED, "killed"), (OUT_OF_MEMORY, Status.FAILED, None)],
    ids=["killed", "out of memory"],
)
def test_a_shortage_that_only_the_submission_has_twice_is_its_own(
    session: Session, monkeypatch: pytest.MonkeyPatch,
    operation: str, told: Answer, status: Status, kind: str | None,
) -> None:  # fmt: skip
    monkeypatch.setitem(Scripted.always, operation, told)
    assert verdict(session) == (status, kind or "out-of-memory")


def test_a_host_whose_memory_is_taken_is_no_room(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(Scripted.always, "call", KILLED)
    monkeypatch.setattr(excuses, "free_bytes", lambda: 16)  # bytes; the inputs alone have more
    assert verdict(session) == (Status.DEFERRED, "no-memory")


def test_all_that_the_run_holds_is_let_go_before_room_is_looked_for(
    workers: list[Scripted], monkeypatch: pytest.MonkeyPatch
) -> None:
    freed: list[str] = []
    workers[0].answers["call"] = OUT_OF_MEMORY
    one = Session(b"", "lesson01", workers[0], DEADLINE_S,  # type: ignore[arg-type]
                  let_all_go=lambda: freed.append("all"))  # fmt: skip
    call(one)
    assert freed == ["all"]
    one.close()


def test_a_process_in_which_an_import_failed_answers_nothing_more(
    session: Session, workers: list[Scripted]
) -> None:
    workers[0].answers["load"] = {"error": {"type": "ValueError", "message": "no"}}
    assert verdict(session) == (Status.FAILED, "import-failed")
    assert workers[0].closed


def test_a_spare_that_cannot_start_harms_nobody(
    session: Session, workers: list[Scripted], monkeypatch: pytest.MonkeyPatch
) -> None:
    workers[0].answers["call"] = WorkerDied("signal", 11)
    assert verdict(session) == (Status.CRASHED, "segfault")
    start, started = loaded_worker.WorkerProcess, []

    def once(tier: str, gradients: bool = False) -> object:
        started.append(tier)
        if len(started) > 1:
            raise OSError(12, "Cannot allocate memory")
        return start(tier, gradients)

    monkeypatch.setattr(loaded_worker, "WorkerProcess", once)
    assert call(session).function == "f"
    assert len(started) == 2


def test_a_worker_for_which_the_system_has_no_room_is_told_as_such(
    session: Session, workers: list[Scripted], monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(tier: str, gradients: bool = False) -> object:
        raise OSError(12, "Cannot allocate memory")

    workers[0].answers["call"] = WorkerDied("signal", 11)
    verdict(session)
    monkeypatch.setattr(loaded_worker, "WorkerProcess", none)
    with pytest.raises(WorkerStartError, match="Cannot allocate memory"):
        call(session)


def test_no_room_for_a_worker_is_no_room(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_memory(worker: Scripted) -> Message:
        raise WorkerStartError("no memory")

    call(session)
    monkeypatch.setattr(Scripted, "wait_until_ready", no_memory)
    monkeypatch.setitem(Scripted.always, "call", OUT_OF_MEMORY)
    assert verdict(session) == (Status.DEFERRED, "no-memory")


def test_after_a_worker_that_did_not_start_the_next_call_starts_another(
    session: Session, workers: list[Scripted], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_memory() -> Message:
        raise WorkerStartError("no memory")

    monkeypatch.setattr(workers[0], "wait_until_ready", no_memory)
    with pytest.raises(WorkerStartError):
        call(session)
    assert workers[0].closed
    assert call(session).function == "f"


@pytest.mark.parametrize("told", [{"shortage": "1 TB"}, OUT_OF_MEMORY], ids=["inputs", "call"])
def test_no_shortage_of_the_courses_own_file_is_a_students(
    workers: list[Scripted], monkeypatch: pytest.MonkeyPatch, told: Message
) -> None:
    monkeypatch.setitem(Scripted.always, "call", told)
    ours = Session(b"", "baseline", workers[0], DEADLINE_S, ours=True)  # type: ignore[arg-type]
    assert verdict(ours) == (Status.DEFERRED, "no-memory")
    ours.close()


@pytest.mark.parametrize("answer", [WorkerDied("signal", 9), {"fault": "no"}, {"error": 3}])
def test_a_worker_without_the_submission_that_fails_otherwise_speaks_for_the_student(
    session: Session, monkeypatch: pytest.MonkeyPatch, answer: Answer
) -> None:
    monkeypatch.setitem(Scripted.always, "call", {"shortage": "1 TB"})
    monkeypatch.setitem(Scripted.always, "reserve", answer)
    assert verdict(session) == (Status.DEFERRED, "no-memory")


def test_a_shortage_that_only_the_submission_has_is_its_own(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(Scripted.always, "call", {"shortage": "1 TB"})
    assert verdict(session) == (Status.FAILED, "out-of-memory")


@pytest.mark.parametrize(
    "answer", [WorkerDied("signal", 11), {"error": {"type": "ValueError"}}, {}], ids=str
)
def test_no_failure_of_the_courses_own_file_is_a_students(
    workers: list[Scripted], monkeypatch: pytest.MonkeyPatch, answer: Answer
) -> None:
    monkeypatch.setitem(Scripted.always, "call", answer)
    ours = Session(b"", "baseline", workers[0], DEADLINE_S, ours=True)  # type: ignore[arg-type]
    with pytest.raises(WorkerFaultError):
        call(ours)
    ours.close()
