"""A submission on one tier for the length of a lesson: what is asked of it, and what that means.

A crash costs the case that it happens in: the next call gets a new worker.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

from grader.judge import excuses, failures
from grader.judge.call import Call, Run, decode_runs, require_complete
from grader.judge.device import arithmetic_of
from grader.judge.invocation import Invocation, Scenario
from grader.judge.loaded_worker import Load, LoadedWorker
from grader.judge.process import WorkerDied, WorkerProcess, death_of
from grader.judge.replies import (
    Reader,
    ShortageError,
    WorkerFaultError,
    done,
    exception_in,
    peak_bytes,
    sized,
)
from grader.judge.shared_slots import require_acceptable
from grader.protocol.frames import Message, ProtocolViolation
from grader.protocol.slots import Slot, aligned
from grader.protocol.tensors import layout, write
from grader.results import Status
from grader.testing import Judged

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
        let_all_go: Callable[[], None] = lambda: None,
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
            let_all_go: Frees what else the run holds, before room is looked for.
        """
        self._let_all_go = let_all_go
        self._name = name
        self._deadline_s = deadline_s
        self._ours = ours
        self._timeouts: dict[str, int] = {}
        self._worker = LoadedWorker(worker, Load(source, name, tuple(targets), facts, ours))

    @property
    def tier(self) -> str:
        """How it runs kernels: ``"interpreted"`` or ``"compiled"``."""
        return self._worker.tier

    def describe(self) -> Message:
        """What the worker says of its device and versions; waits until it is up."""
        return self._worker.describe()

    def call(self, invocation: Invocation) -> Call:
        """Call a function of the submission.

        Raises:
            Judged: The submission could not be imported, raised, hung or crashed; or the
                machine has too little memory for the case, which defers it.
        """
        runs = self._believed(invocation, lambda: self._runs(invocation))
        asked = invocation.function
        return Call(
            asked.name,
            invocation.inputs,
            runs,
            self.describe()["device"],
            asked.required_kernels,
            asked.torch,
            asked.whole_tensors,
        )

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

        return self._believed(invocation, attempt)

    def has_room(self, needs: Sequence[int]) -> bool:
        """Whether this machine has memory for blocks of these sizes, once the run holds none."""
        self._let_all_go()
        return self._worker.has_room(needs)

    def let_go(self) -> None:
        """End the worker if the submission runs in it, so that all memory of it is free."""
        self._worker.let_go()

    def output_slot(self, nbytes: int) -> tuple[Slot, list[str], list[int]]:
        """A slot for results, and what to send so that the worker has it too."""
        return self._worker.slots.slot("output", nbytes)

    def processes(self) -> list[int]:
        """Ids, as this process sees them, of the running processes that use the GPU."""
        return self._worker.gpu_processes()

    def place(self, name: str, text: str) -> Path:
        """Hand a file of the course over, once a worker; gives the path that the worker sees."""
        return self._worker.place(name, text)

    def scenario_request(self, scenario: Scenario | None) -> Message | None:
        """How a request names what runs around the function; places the course's file."""
        if scenario is None:
            return None
        path = str(self.place("scenarios.py", scenario.text)) if scenario.text else None
        return {"path": path, "name": scenario.name}

    def close(self) -> None:
        """End all workers of this session and free the slots."""
        self._worker.close()

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
            ShortageError: Memory was too short, so the worker says; it is gone now.
            WorkerFaultError: The worker's own code failed; it is gone now.
        """
        with self._answering(function, deadline_s) as worker:
            reply = worker.request(message, deadline_s, descriptors)
            error = exception_in(reply)
            if error is None:
                return read(reply)
            failure = failures.raised(error, function)
        # After a crash the device context is gone, and a shortage is tried in another process.
        if failure.status is Status.CRASHED or failures.is_shortage(failure):
            self._worker.discard()
        raise self._blamed(failure)

    @contextmanager
    def _answering(self, function: str, deadline_s: float) -> Iterator[WorkerProcess]:
        """Around everything that one worker sends: whatever is wrong with it ends the worker."""
        worker = self._worker.loaded()
        try:
            yield worker
        except (WorkerDied, ProtocolViolation) as end:
            raise self._blamed(self._died(end, function, deadline_s)) from end
        except ShortageError as shortage:
            self._worker.discard()
            raise self._blamed(failures.hoarded(function)) from shortage
        except WorkerFaultError:
            self._worker.discard()
            raise

    def _blamed(self, failure: Judged) -> Exception:
        """A failure as the one it concerns is told; of a shortage it has to be found out."""
        message = failure.diagnosis.message
        if failures.is_shortage(failure):
            return ShortageError(message, None if self._ours else failure)
        return WorkerFaultError(message) if self._ours else failure

    def _died(self, end: Exception, function: str, deadline_s: float) -> Judged:
        """End the worker, remember a timeout, and say what its end means."""
        self._worker.discard()
        death = death_of(end)
        if death.cause == "timeout":
            self._timeouts[function] = self._timeouts.get(function, 0) + 1
        return failures.died(death, function, self._name, deadline_s)

    def _believed(self, invocation: Invocation, attempt: Callable[[], T]) -> T:
        return excuses.believed(attempt, partial(self.has_room, invocation.needs))

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
        self._worker.loaded()  # before the slots: a new worker must be sent them
        message, tensors = invocation.encode()
        message["op"] = "call"
        message["scenario"] = self.scenario_request(invocation.scenario)
        message["deadline_s"] = self._limit(invocation.name)
        headers, nbytes = layout(tensors)
        slot, names, descriptors = self._worker.slots.slot("input", nbytes)
        for header, tensor in zip(headers, tensors, strict=True):
            write(slot, header, tensor)
        message["tensors"] = [header.to_json() for header in headers]
        message["slots"] = names
        return message, descriptors, nbytes

    def _limit(self, function: str) -> float:
        """A function that hung before gets less time, so that a lesson ends."""
        return self._deadline_s / 2.0 ** min(self._timeouts.get(function, 0), 3)
