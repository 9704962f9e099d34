from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from grader.judge import loaded_worker, shared_slots
from grader.judge.call import Input
from grader.judge.invocation import Invocation
from grader.judge.process import WorkerDied
from grader.judge.session import Session
from grader.lesson import Function
from grader.results import Status
from grader.testing import Judged
from tests.grading.warm import WarmWorkers
from tests.judge.scripted import (
    DEADLINE_S,
    HEADER,
    REPLY,
    RUN,
    Answer,
    Scripted,
    X,
    call,
    verdict,
)

# ------------------------------------------------------------ what is sent


def test_the_submission_is_loaded_once_and_called_by_name(
    session: Session, workers: list[Scripted]
) -> None:
    call(session, "first")
    call(session, "second")
    (worker,) = workers
    assert [request["op"] for request in worker.requests] == [
        "load", "call", "output", "call", "output",
    ]  # fmt: skip
    (load,) = worker.asked("load")
    assert Path(load["path"]).read_bytes() == b"SOURCE"
    assert Path(load["path"]) == worker.scratch / "lesson01.py"
    first, second = worker.asked("call")
    assert (first["function"], second["function"]) == ("first", "second")
    assert first["tensors"] == [HEADER]
    assert first["args"] == [{"tensor": 0}]
    assert first["limit"] == DEADLINE_S


def test_a_slot_is_sent_once_and_again_when_it_has_to_grow(
    session: Session, workers: list[Scripted]
) -> None:
    for size in (4, 10, 100_000, 50_000, 4):
        tensor = torch.zeros(size)
        call(session, "f", tensor)
    assert [message["slots"] for message in workers[0].asked("call")] == [
        ["input"], [], ["input"], [], [],
    ]  # fmt: skip


def test_a_decoded_call_has_results_inputs_and_device(session: Session) -> None:
    done = call(session)
    assert done.function == "f"
    assert done.device == "interpreter"
    assert [given.name for given in done.inputs] == ["x"]
    assert done.output.isnan().all()  # nobody wrote into the slot, and the judge had filled it


def test_a_file_of_the_course_is_placed_once_a_worker(
    session: Session, workers: list[Scripted]
) -> None:
    path = session.place("course.py", "text")
    assert path.parent == workers[0].scratch
    assert path.read_text() == "text"
    path.unlink()
    assert session.place("course.py", "text") == path
    assert not path.exists()


# --------------------------------------------------------- ends of a worker


def test_after_a_crash_the_next_call_gets_a_new_worker_with_all_it_needs(
    session: Session, workers: list[Scripted]
) -> None:
    call(session)
    workers[0].answers["call"] = WorkerDied("signal", 11)
    assert verdict(session) == (Status.CRASHED, "segfault")
    assert workers[0].closed
    call(session)
    assert workers[1].asked("load")
    assert workers[1].asked("call")[0]["slots"] == ["input"]
    assert workers[1].asked("output")[0]["slots"] == ["output"]


def test_after_a_crash_a_spare_worker_waits(session: Session, workers: list[Scripted]) -> None:
    workers[0].answers["call"] = WorkerDied("exit", 0)
    assert verdict(session) == (Status.CRASHED, "process-exited")
    call(session)
    assert [bool(worker.requests) for worker in workers] == [True, True, False]
    workers[1].answers["call"] = WorkerDied("exit", 0)
    verdict(session)
    call(session)
    assert [bool(worker.requests) for worker in workers] == [True, True, True, False]


def test_a_function_that_hung_before_gets_less_time_and_the_others_do_not(
    session: Session, workers: list[Scripted]
) -> None:
    limits = []
    for _ in range(6):
        session.describe()
        session._worker.ready().answers["call"] = WorkerDied("timeout")  # type: ignore[attr-defined]
        assert verdict(session, "hangs") == (Status.TIMED_OUT, "timeout")
        limits += [
            message["limit"] for worker in workers if worker.closed
            for message in worker.asked("call")
        ][-1:]  # fmt: skip
    assert limits == [8, 4, 2, 1, 1, 1]
    call(session, "other")
    assert workers[-2].asked("call")[-1]["limit"] == 8


def test_a_crash_while_the_result_is_fetched_is_a_crash_of_the_function(
    session: Session, workers: list[Scripted]
) -> None:
    workers[0].answers["output"] = WorkerDied("signal", 11)
    assert verdict(session) == (Status.CRASHED, "segfault")


# ------------------------------------------------------------- the import


@pytest.mark.parametrize(
    ("answer", "status", "kind"),
    [
        ({"error": {"type": "ImportError"}}, Status.FAILED, "import-error"),
        (WorkerDied("timeout"), Status.TIMED_OUT, "timeout"),
        (WorkerDied("signal", 11), Status.CRASHED, "segfault"),
        ({"error": "text"}, Status.REFUSED, "malformed-frame"),
        ({"error": {"type": 5}}, Status.REFUSED, "malformed-frame"),
    ],
    ids=str,
)
def test_an_import_that_failed_is_not_tried_again(
    session: Session, workers: list[Scripted], answer: Answer, status: Status, kind: str
) -> None:
    workers[0].answers["load"] = answer
    for function in ("f", "g", "f"):
        assert verdict(session, function) == (status, kind)
    assert len(workers) == 1
    assert len(workers[0].requests) == 1


# ----------------------------------------------------------- other answers


@pytest.mark.parametrize(
    ("answer", "status", "kind"),
    [
        ({"error": {"type": "ValueError", "line": 3}}, Status.FAILED, "exception"),
        ({"error": {"type": "AcceleratorError"}}, Status.CRASHED, "illegal-memory-access"),
        (REPLY | {"nbytes": 1 << 60}, Status.FAILED, "result-too-large"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_each_answer_has_its_verdict(
    session: Session, workers: list[Scripted], answer: Answer, status: Status, kind: str
) -> None:
    workers[0].answers["call"] = answer
    assert verdict(session) == (status, kind)
    assert workers[0].closed == (status is Status.CRASHED)


@pytest.mark.parametrize(
    ("free", "nbytes", "status", "kind"),
    [
        (2**29, 2**28, Status.DEFERRED, "no-memory"),  # as large as right results may be
        (2**50, 2**28 + 1, Status.FAILED, "result-too-large"),
        (2**50, 2**40, Status.FAILED, "result-too-large"),
        (2**20, 2**40, Status.FAILED, "result-too-large"),
    ],
)
def test_a_claim_is_measured_against_the_inputs_and_the_memory_that_is_free(
    session: Session, workers: list[Scripted], monkeypatch: pytest.MonkeyPatch,
    free: int, nbytes: int, status: Status, kind: str,
) -> None:  # fmt: skip
    monkeypatch.setattr(shared_slots, "free_bytes", lambda: free)
    workers[0].answers["call"] = REPLY | {"nbytes": nbytes}
    assert verdict(session) == (status, kind)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"runs": [], "nbytes": 0},
        REPLY | {"runs": [RUN]},
        REPLY | {"runs": [RUN] * 3},
        REPLY | {"runs": [RUN | {"inputs_after": []}] * 2},
        REPLY | {"runs": [RUN | {"inputs_after": [HEADER] * 2}] * 2},
        REPLY | {"nbytes": -1},
        REPLY | {"nbytes": "768"},
        REPLY | {"nbytes": None},
        REPLY | {"nbytes": True},
        {"error": 3},
        {"error": {"message": 3}},
        {"error": {"line": "3"}},
        {"loaded": True},
        {"written": True},
        WorkerDied("protocol", detail="no JSON"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_an_answer_that_is_none_is_refused_and_ends_the_worker(
    session: Session, workers: list[Scripted], answer: Answer
) -> None:
    workers[0].answers["call"] = answer
    assert verdict(session) == (Status.REFUSED, "malformed-frame")
    assert workers[0].closed


# ------------------------------------------------------- with a real worker

SUBMISSION = b"""
import json, os, struct, torch

def copy(x):
    return x.clone()

def forge(x, kind):
    frames = {
        0: {"runs": [], "nbytes": 0},
        1: {"error": {"type": ["list"]}},
        2: [1, 2],
    }
    body = json.dumps(frames[kind]).encode()
    for descriptor in os.listdir("/proc/self/fd"):
        try:
            if "socket" in os.readlink("/proc/self/fd/" + descriptor):
                os.write(int(descriptor), struct.pack("!I", len(body)) + body)
        except OSError:
            pass
    return x.clone()

def large(x):
    return torch.zeros(1 << 26)
"""


@pytest.fixture
def real(warm_workers: WarmWorkers, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    """A session with a worker process."""
    monkeypatch.setattr(loaded_worker, "WorkerProcess", warm_workers)
    made = Session(SUBMISSION, "lesson01", warm_workers("interpreted"), 30.0)
    yield made
    made.close()


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_twenty_calls_of_growing_size_leave_no_descriptor_open(real: Session) -> None:
    call(real, "copy")
    before = open_descriptors()
    for size in range(1, 21):
        x = torch.arange(float(size * 1000))
        assert torch.equal(call(real, "copy", x).output, x)
    assert open_descriptors() == before


def test_a_result_far_larger_than_its_inputs_is_not_fetched(real: Session) -> None:
    assert verdict(real, "large") == (Status.FAILED, "result-too-large")
    assert torch.equal(call(real, "copy").output, X)


@pytest.mark.parametrize("kind", [0, 1, 2])
def test_a_forged_frame_of_the_submission_is_refused(real: Session, kind: int) -> None:
    with pytest.raises(Judged) as judged:
        real.call(Invocation(Function("forge", ()), (X, kind), inputs=(Input("x", X),)))
    assert judged.value.status is Status.REFUSED
