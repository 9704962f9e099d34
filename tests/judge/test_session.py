from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

import pytest
import torch

from grader.errors import WorkerStartError
from grader.judge import excuses, loaded_worker, shared_slots
from grader.judge.call import Call, Input
from grader.judge.invocation import Invocation
from grader.judge.process import WorkerDied
from grader.judge.session import Session, WorkerFaultError
from grader.lesson import Function
from grader.protocol.frames import Message
from grader.results import Status
from grader.testing import Judged
from tests.grading.warm import WarmWorkers

DEADLINE_S = 8.0
X = torch.arange(4.0)
HEADER = {"dtype": "float32", "shape": [4], "strides": [1], "offset": 0}
RUN = {
    "result": {"tensor": HEADER, "device": "cpu"},
    "inputs_after": [HEADER | {"offset": 256}],
    "violations": [],
    "findings": [],
    "launches": [],
    "compiled": [],
}
REPLY = {"runs": [RUN, RUN | {"result": {"value": 1}, "inputs_after": [HEADER | {"offset": 512}]}],
         "nbytes": 768}  # fmt: skip
Answer = Message | Exception
ROOM = {"free_bytes": 0, "total_bytes": 0}  # as the host's memory is told
NEARLY_FULL = {"free_bytes": 40 << 30, "total_bytes": 141 << 30}
OUT_OF_MEMORY = {"error": {"type": "OutOfMemoryError", "message": "CUDA out of memory.", "line": 7}}


class Scripted:
    """A worker that answers as the test says; an answer that is an exception is raised.

    Attributes:
        always: What every worker of a test answers.
    """

    tier = "interpreted"
    gradients = False
    pid = 0
    always: ClassVar[dict[str, Answer]] = {}

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch
        self.answers: dict[str, Answer] = {
            "load": {"loaded": True},
            "call": REPLY,
            "output": {"written": True},
            "reserve": ROOM,
        }
        self.requests: list[Message] = []
        self.closed = False

    def wait_until_ready(self) -> Message:
        return {"ready": True, "device": "interpreter"}

    def place(self, name: str, content: bytes) -> Path:
        self.scratch.mkdir(exist_ok=True)
        (self.scratch / name).write_bytes(content)
        return self.scratch / name

    def remember(self, file: Path | None) -> None:
        self.remembers = file

    def request(
        self, message: Message, deadline_s: float, descriptors: Sequence[int] = ()
    ) -> Message:
        assert not self.closed
        assert len(descriptors) == len(message.get("slots", ()))
        self.requests.append(message | {"limit": deadline_s})
        answer = (self.answers | self.always)[message["op"]]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self) -> None:
        self.closed = True

    def asked(self, operation: str) -> list[Message]:
        return [message for message in self.requests if message["op"] == operation]


@pytest.fixture
def workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Scripted]:
    """All workers of the session under test: the first, and those that it started itself."""
    made = [Scripted(tmp_path / "worker 0")]

    def start(tier: str, gradients: bool = False) -> Scripted:
        made.append(Scripted(tmp_path / f"worker {len(made)}"))
        return made[-1]

    monkeypatch.setattr(loaded_worker, "WorkerProcess", start)
    return made


@pytest.fixture
def session(workers: list[Scripted]) -> Iterator[Session]:
    """A session on a worker that does as the test says."""
    made = Session(b"SOURCE", "lesson01", workers[0], DEADLINE_S)  # type: ignore[arg-type]
    yield made
    made.close()
    assert all(worker.closed for worker in workers)


def call(session: Session, function: str = "f", x: torch.Tensor = X) -> Call:
    return session.call(Invocation(Function(function, ()), (x,), inputs=(Input("x", x),)))


def verdict(session: Session, function: str = "f") -> tuple[Status, str]:
    with pytest.raises(Judged) as judged:
        call(session, function)
    return judged.value.status, judged.value.diagnosis.kind


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


# ------------------------------------------------------- excuses of a worker


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
