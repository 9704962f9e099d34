"""A submission on one tier for the length of a lesson: calls, restarts, cached import failures.

Owns the worker processes and the slots. A crash costs the case that it happens in: the next
call gets a new worker. After the first crash a spare worker starts in the background, since a
submission that crashed once tends to crash again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from grader.judge import excuses, failures
from grader.judge.call import Call, Run, decode_runs, require_complete
from grader.judge.device import arithmetic_of
from grader.judge.invocation import Invocation, Scenario
from grader.judge.process import WorkerDied, WorkerProcess
from grader.judge.replies import (
    Reader,
    ShortageError,
    WorkerFaultError,
    described,
    done,
    exception_in,
    peak_bytes,
    sized,
)
from grader.judge.shared_slots import SharedSlots, require_acceptable
from grader.protocol.frames import Message, ProtocolViolation
from grader.protocol.slots import Slot, aligned
from grader.protocol.tensors import layout, write
from grader.results import Status
from grader.testing import Judged

IMPORT_DEADLINE_S = 30.0
COPY_DEADLINE_S = 60.0

T = TypeVar("T")


class Session:
    """Calls into one submission; failures of the student's code come out as ``Judged``."""

    def __init__(
        self,
        source: bytes,
        name: str,
        worker: WorkerProcess,
        deadline_s: float,
        targets: Sequence[str] = (),
        facts: Path | None = None,
        ours: bool = False,
    ) -> None:
        """Take over a worker that is starting.

        Args:
            source: The submission.
            name: Module name that it is imported under, e.g. ``"lesson01"``.
            worker: A worker process; its tier is the session's.
            deadline_s: Longest time in seconds for one call.
            targets: GPU targets that interpreted launches are compiled for.
            facts: File that keeps what compiling gave, from run to run.
            ours: The course wrote it, so that no failure is a student's.
        """
        self.tier = worker.tier
        self._gradients = worker.gradients
        self._source = source
        self._name = name
        self._deadline_s = deadline_s
        self._targets = tuple(targets)
        self._facts = facts
        self._ours = ours
        self._timeouts: dict[str, int] = {}
        self._worker: WorkerProcess | None = worker
        self._spare: WorkerProcess | None = None
        self._loaded = False
        self._import_failure: Judged | None = None
        self._description: Message | None = None
        self._slots = SharedSlots()
        self._placed: dict[str, Path] = {}

    def describe(self) -> Message:
        """What the worker says of its device and versions; waits until it is up."""
        if self._description is None:
            self._ready()
        return self._description or {}

    def call(self, invocation: Invocation) -> Call:
        """Call a function of the submission.

        Raises:
            Judged: The submission could not be imported, raised, hung or crashed; or the
                machine has too little memory for the case, which defers it.
        """
        runs = self.believed(lambda: self._runs(invocation), invocation.name, invocation.needs)
        asked, inputs, device = invocation.function, invocation.inputs, self.describe()["device"]
        return Call(asked.name, inputs, runs, device, asked.required_kernels, asked.torch)

    def peak_memory(self, invocation: Invocation) -> int:
        """Bytes that one call allocates at most beyond its inputs.

        Raises:
            Judged: As for ``call``.
        """

        def attempt() -> int:
            message, descriptors, _ = self._encode(invocation)
            message["op"] = "peak"
            limit_s = message["deadline_s"]
            return self.ask(invocation.name, message, limit_s, peak_bytes, descriptors)

        return self.believed(attempt, invocation.name, invocation.needs)

    def believed(self, attempt: Callable[[], T], function: str, needs: Sequence[int]) -> T:
        """What an attempt gives, made once more if the worker blames the machine or itself.

        As ``excuses.believed``; ``needs`` are the bytes of each block that the inputs take.
        """
        return excuses.believed(attempt, lambda: self._has_room(needs), function)

    def output_slot(self, nbytes: int) -> tuple[Slot, list[str], list[int]]:
        """A slot for results, and what to send so that the worker has it too."""
        return self._slots.slot("output", nbytes)

    def processes(self) -> list[int]:
        """Ids, as this process sees them, of the running processes that use the GPU."""
        if self.tier != "compiled":
            return []
        found = (worker.worker_pid for worker in (self._worker, self._spare) if worker is not None)
        return [pid for pid in found if pid is not None]

    def place(self, name: str, text: str) -> Path:
        """Hand a file of the course over, once a worker; gives the path that the worker sees."""
        worker = self._load()
        if name not in self._placed:
            self._placed[name] = worker.place(name, text.encode())
        return self._placed[name]

    def scenario_request(self, scenario: Scenario | None) -> Message | None:
        """How a request names what runs around the function; places the course's file."""
        if scenario is None:
            return None
        path = str(self.place("scenarios.py", scenario.text)) if scenario.text else None
        return {"path": path, "name": scenario.name}

    def close(self) -> None:
        """End all workers of this session and free the slots."""
        for worker in (self._worker, self._spare):
            if worker is not None:
                worker.close()
        self._worker = self._spare = None
        self._slots.close()

    def ask(
        self,
        function: str,
        message: Message,
        deadline_s: float,
        read: Reader[T],
        descriptors: Sequence[int] = (),
    ) -> T:
        """Send one request that runs a function of the submission.

        Args:
            function: The function.
            message: The request.
            deadline_s: Longest time in seconds.
            read: Takes what is asked for out of the reply.
            descriptors: Files that go with the request.

        Raises:
            Judged: The submission raised, hung or crashed, or forged the reply.
            ShortageError: The worker says that memory was too short; it is gone now.
            WorkerFaultError: The worker's own code failed; it is gone now.
        """
        with self._answering(function, deadline_s) as worker:
            reply = worker.request(message, deadline_s, descriptors)
            error = exception_in(reply)
            if error is None:
                return read(reply)
            failure = failures.raised(error, function)
        if failure.status is Status.CRASHED:  # the device context is gone with it
            self._discard(worker)
        raise self._blamed(failure)

    @contextmanager
    def _answering(self, function: str, deadline_s: float) -> Iterator[WorkerProcess]:
        """Around everything that one worker sends: whatever is wrong with it ends the worker."""
        worker = self._load()
        try:
            yield worker
        except (WorkerDied, ProtocolViolation) as end:
            raise self._blamed(self._died(worker, end, function, deadline_s)) from end
        except (ShortageError, WorkerFaultError):
            self._discard(worker)
            raise

    def _blamed(self, failure: Judged) -> Exception:
        """A failure as the one it concerns is told."""
        return WorkerFaultError(failure.diagnosis.message) if self._ours else failure

    def _died(
        self, worker: WorkerProcess, end: Exception, function: str | None, deadline_s: float
    ) -> Judged:
        """End the worker, remember a timeout, and say what its end means."""
        self._discard(worker)
        death = end if isinstance(end, WorkerDied) else WorkerDied("protocol", detail=str(end))
        if function is not None and death.cause == "timeout":
            self._timeouts[function] = self._timeouts.get(function, 0) + 1
        return failures.died(death, function, self._name, deadline_s)

    def _runs(self, invocation: Invocation) -> tuple[Run, ...]:
        message, descriptors, sent_bytes = self._encode(invocation)
        name, limit_s = invocation.name, message["deadline_s"]
        reply = self.ask(name, message, limit_s, sized, descriptors)
        nbytes = reply["nbytes"]
        require_acceptable(nbytes, sent_bytes)
        slot, names, descriptors = self.output_slot(nbytes)
        slot.bytes(0, aligned(nbytes)).fill_(0xFF)  # what is not written must not look right
        request: Message = {"op": "output", "slots": names}
        self.ask(name, request, COPY_DEADLINE_S, done("written"), descriptors)
        with self._answering(name, COPY_DEADLINE_S):
            runs = decode_runs(reply, slot, arithmetic_of(self.tier))
            require_complete(runs, invocation.runs, len(invocation.inputs))
        return runs

    def _encode(self, invocation: Invocation) -> tuple[Message, list[int], int]:
        self._load()  # before the slots: a new worker must be sent them
        message, tensors = invocation.encode()
        message["op"] = "call"
        message["scenario"] = self.scenario_request(invocation.scenario)
        message["deadline_s"] = self._limit(invocation.name)
        headers, nbytes = layout(tensors)
        slot, names, descriptors = self._slots.slot("input", nbytes)
        for header, tensor in zip(headers, tensors, strict=True):
            write(slot, header, tensor)
        message["tensors"] = [header.to_json() for header in headers]
        message["slots"] = names
        return message, descriptors, nbytes

    def _has_room(self, needs: Sequence[int]) -> bool:
        worker = self._ready()
        assert not self._loaded, "student code runs there already"
        try:
            return excuses.has_room(worker, needs)
        finally:
            self._discard(worker)

    def _limit(self, function: str) -> float:
        """A function that hung before gets less time, so that a lesson ends."""
        return self._deadline_s / 2.0 ** min(self._timeouts.get(function, 0), 3)

    def _ready(self) -> WorkerProcess:
        if self._worker is None:
            self._worker = self._spare or WorkerProcess(self.tier, self._gradients)
            self._spare = WorkerProcess(self.tier, self._gradients)
            self._description = None
        if self._description is None:
            self._description = described(self._worker.wait_until_ready())
        return self._worker

    def _load(self) -> WorkerProcess:
        if self._import_failure is not None:
            raise self._import_failure
        worker = self._ready()
        if not self._loaded:
            failure = self._import(worker)
            if failure is not None:
                self._import_failure = failure
                raise failure
            self._loaded = True
        return worker

    def _import(self, worker: WorkerProcess) -> Judged | None:
        worker.remember(self._facts)
        path = worker.place(f"{self._name}.py", self._source)
        request: Message = {"op": "load", "path": str(path), "targets": list(self._targets)}
        request["deadline_s"] = IMPORT_DEADLINE_S
        try:
            reply = worker.request(request, IMPORT_DEADLINE_S)
            error = exception_in(reply)
            if error is not None:
                return failures.import_raised(error)
            done("loaded")(reply)
            return None
        except (WorkerDied, ProtocolViolation) as end:
            return self._died(worker, end, None, IMPORT_DEADLINE_S)
        except (ShortageError, WorkerFaultError) as error:
            self._discard(worker)
            raise WorkerFaultError(str(error)) from error

    def _discard(self, worker: WorkerProcess) -> None:
        worker.close()
        self._worker = None
        self._loaded = False
        self._placed.clear()
        self._slots.close()
