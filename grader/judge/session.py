"""A submission on one tier for the length of a lesson: calls, restarts, cached import failures.

Owns the worker processes and the slots. A crash costs the case that it happens in: the next
call gets a new worker. After the first crash a spare worker starts in the background, since a
submission that crashed once tends to crash again.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from grader.judge import failures
from grader.judge.call import Call, decode_runs
from grader.judge.device import arithmetic_of
from grader.judge.invocation import Invocation, Scenario
from grader.judge.process import WorkerDied, WorkerProcess, printable
from grader.protocol.frames import Message, ProtocolViolation, field, optional
from grader.protocol.slots import Slot, aligned
from grader.protocol.tensors import layout, write
from grader.results import Status
from grader.testing import Judged, defer, fail

IMPORT_DEADLINE_S = 30.0
COPY_DEADLINE_S = 60.0

# Outputs and changed inputs of all runs together may be this many times the inputs, or this
# many bytes: a submission cannot make the judge allocate without bound.
_OUTPUT_FACTOR = 64
_OUTPUT_FLOOR_BYTES = 256 * 1024 * 1024


class WorkerFaultError(Exception):
    """The worker's own code failed: nobody's points, and a bug to report."""


class Session:
    """Calls into one submission; failures of the student's code come out as ``Judged``."""

    def __init__(
        self,
        source: bytes,
        name: str,
        worker: WorkerProcess,
        deadline_s: float,
        targets: Sequence[str] = (),
    ) -> None:
        """Take over a worker that is starting.

        Args:
            source: The submission.
            name: Module name that it is imported under, e.g. ``"lesson01"``.
            worker: A worker process; its tier is the session's.
            deadline_s: Longest time in seconds for one call.
            targets: GPU targets that interpreted launches are compiled for.
        """
        self.tier = worker.tier
        self._source = source
        self._name = name
        self._deadline_s = deadline_s
        self._targets = tuple(targets)
        self._timeouts: dict[str, int] = {}
        self._worker: WorkerProcess | None = worker
        self._spare: WorkerProcess | None = None
        self._loaded = False
        self._import_failure: Judged | None = None
        self._description: Message | None = None
        self._slots: dict[str, Slot] = {}
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
        self._load()  # before the slots: a new worker must be sent them
        message, descriptors, sent_bytes = self._encode(invocation)
        reply = self.ask(invocation.name, message, message["deadline_s"], descriptors)
        worker, inputs = self._load(), invocation.inputs
        try:
            slot = self._fetch(worker, reply, sent_bytes)
            runs = decode_runs(reply, slot, arithmetic_of(self.tier))
            if len(runs) != invocation.runs or any(
                len(run.inputs_after) != len(inputs) for run in runs
            ):
                raise ProtocolViolation("a reply tells of other runs or inputs than there were")
        except (WorkerDied, ProtocolViolation) as end:
            raise self._died(worker, end, invocation.name, COPY_DEADLINE_S) from end
        kernels = invocation.function.required_kernels
        return Call(invocation.name, inputs, runs, self.describe()["device"], kernels)

    def peak_memory(self, invocation: Invocation) -> int:
        """Bytes that one call allocates at most beyond its inputs.

        Raises:
            Judged: As for ``call``.
        """
        self._load()
        message, descriptors, _ = self._encode(invocation)
        message["op"] = "peak"
        reply = self.ask(invocation.name, message, message["deadline_s"], descriptors)
        try:
            return field(reply, "peak_bytes", int)
        except ProtocolViolation as violation:
            worker = self._load()
            death = self._died(worker, violation, invocation.name, message["deadline_s"])
            raise death from violation

    def output_slot(self, nbytes: int) -> tuple[Slot, list[str], list[int]]:
        """A slot for results, and what to send so that the worker has it too."""
        slot, grown = self._slot("output", nbytes)
        return slot, ["output"] if grown else [], [slot.descriptor] if grown else []

    def processes(self) -> list[int]:
        """Ids of the running worker processes."""
        return [worker.pid for worker in (self._worker, self._spare) if worker is not None]

    def place(self, name: str, text: str) -> Path:
        """Put a file of the course into the worker's scratch folder, once a worker.

        Student code may have run there: the name is new, and nothing is followed or replaced.
        """
        worker = self._load()
        if name not in self._placed:
            path = worker.scratch / f"{secrets.token_hex(8)}_{name}"
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
            with os.fdopen(os.open(path, flags, 0o600), "w", encoding="utf-8") as file:
                file.write(text)
            self._placed[name] = path
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
        for slot in self._slots.values():
            slot.close()
        self._slots.clear()

    def ask(
        self, function: str, message: Message, deadline_s: float, descriptors: Sequence[int] = ()
    ) -> Message:
        """Send one request that runs a function of the submission.

        Raises:
            Judged: The submission raised, hung or crashed; or memory was too short.
        """
        worker = self._load()
        try:
            reply = worker.request(message, deadline_s, descriptors)
            error = optional(reply, "error", dict)
            failure = failures.raised(error, function) if error is not None else None
        except (WorkerDied, ProtocolViolation) as end:
            raise self._died(worker, end, function, deadline_s) from end
        if failure is not None:
            if failure.status is Status.CRASHED:  # the device context is gone with it
                self._discard(worker)
            raise failure
        _refuse_fault(reply)
        if "shortage" in reply:
            defer("This machine has too little memory for this case; use one with more.")
        return reply

    def _died(
        self, worker: WorkerProcess, end: Exception, function: str | None, deadline_s: float
    ) -> Judged:
        """End the worker, remember a timeout, and say what its end means."""
        self._discard(worker)
        death = end if isinstance(end, WorkerDied) else WorkerDied("protocol", detail=str(end))
        if function is not None and death.cause == "timeout":
            self._timeouts[function] = self._timeouts.get(function, 0) + 1
        return failures.died(death, function, self._name, deadline_s)

    def _encode(self, invocation: Invocation) -> tuple[Message, list[int], int]:
        message, tensors = invocation.encode()
        message["op"] = "call"
        message["scenario"] = self.scenario_request(invocation.scenario)
        message["deadline_s"] = self._limit(invocation.name)
        headers, nbytes = layout(tensors)
        slot, grown = self._slot("input", nbytes)
        for header, tensor in zip(headers, tensors, strict=True):
            write(slot, header, tensor)
        message["tensors"] = [header.to_json() for header in headers]
        message["slots"] = ["input"] if grown else []
        return message, [slot.descriptor] if grown else [], nbytes

    def _fetch(self, worker: WorkerProcess, reply: Message, sent_bytes: int) -> Slot:
        nbytes = field(reply, "nbytes", int)
        limit = max(_OUTPUT_FLOOR_BYTES, _OUTPUT_FACTOR * sent_bytes)
        if nbytes < 0:
            raise ProtocolViolation("a result of less than nothing")
        if nbytes > limit:
            size = f"{nbytes / 2**20:.0f} MiB, at most {limit / 2**20:.0f} are accepted"
            fail("result-too-large", f"What was returned takes {size}: is its shape right?")
        slot, names, descriptors = self.output_slot(nbytes)
        slot.bytes(0, aligned(nbytes)).fill_(0xFF)  # what is not written must not look right
        request: Message = {"op": "output", "slots": names}
        _refuse_fault(worker.request(request, COPY_DEADLINE_S, descriptors))
        return slot

    def _slot(self, name: str, nbytes: int) -> tuple[Slot, bool]:
        """The slot of that name, large enough, and whether the worker must be sent it."""
        slot = self._slots.get(name)
        if slot is not None and slot.capacity >= nbytes:
            return slot, False
        if slot is not None:
            slot.close()
        self._slots[name] = Slot.create(nbytes * 5 // 4, name)
        return self._slots[name], True

    def _limit(self, function: str) -> float:
        """A function that hung before gets less time, so that a lesson ends."""
        return self._deadline_s / 2.0 ** min(self._timeouts.get(function, 0), 3)

    def _ready(self) -> WorkerProcess:
        if self._worker is None:
            self._worker = self._spare or WorkerProcess(self.tier)
            self._spare = WorkerProcess(self.tier)
            self._description = None
        if self._description is None:
            self._description = self._worker.wait_until_ready()
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
        path = worker.scratch / f"{self._name}.py"
        path.write_bytes(self._source)
        request: Message = {
            "op": "load",
            "path": str(path),
            "targets": list(self._targets),
            "compile_cache": str(compile_cache()),
            "deadline_s": IMPORT_DEADLINE_S,
        }
        try:
            reply = worker.request(request, IMPORT_DEADLINE_S)
            _refuse_fault(reply)
            error = optional(reply, "error", dict)
            return failures.import_raised(error) if error is not None else None
        except (WorkerDied, ProtocolViolation) as end:
            return self._died(worker, end, None, IMPORT_DEADLINE_S)

    def _discard(self, worker: WorkerProcess) -> None:
        worker.close()
        self._worker = None
        self._loaded = False
        self._placed.clear()
        for slot in self._slots.values():
            slot.close()
        self._slots.clear()


def _refuse_fault(reply: Message) -> None:
    if "fault" in reply:
        raise WorkerFaultError(printable(str(reply["fault"])))


def compile_cache() -> Path:
    """Where the facts of compiled kernels are kept from run to run, so that a rerun is fast."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "triton-course" / "compiled"
