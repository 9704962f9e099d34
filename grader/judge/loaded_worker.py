"""A worker that has loaded one submission, replaced by another one whenever it ends.

Owns the processes and what they were given: files and slots. After the first end a spare starts
in the background, since a submission that crashed once tends to crash again.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from grader.errors import WorkerStartError
from grader.judge import excuses, failures
from grader.judge.process import WorkerDied, WorkerProcess, death_of
from grader.judge.replies import ShortageError, WorkerFaultError, described, done, exception_in
from grader.judge.shared_slots import SharedSlots
from grader.protocol.frames import Message, ProtocolViolation
from grader.testing import Judged

IMPORT_DEADLINE_S = 30.0


@dataclass(frozen=True)
class Load:
    """What a worker loads.

    Attributes:
        source: The submission.
        name: Module name that it is imported under, e.g. ``"lesson01"``.
        targets: GPU targets that interpreted launches are compiled for.
        facts: File that keeps what compiling gave, from run to run.
        ours: The course wrote it, so that no failure is a student's.
    """

    source: bytes
    name: str
    targets: tuple[str, ...] = ()
    facts: Path | None = None
    ours: bool = False


class LoadedWorker:
    """The worker of a session, whichever process it is at the moment.

    Attributes:
        tier: How it runs kernels.
        slots: The memory that it shares with the judge.
    """

    def __init__(self, worker: WorkerProcess, load: Load) -> None:
        """Take over a worker that is starting.

        Args:
            worker: The first process; those after it are like it.
            load: What each of them loads.
        """
        self.tier = worker.tier
        self.slots = SharedSlots()
        self._gradients = worker.gradients
        self._load = load
        self._process: WorkerProcess | None = worker
        self._spare: WorkerProcess | None = None
        self._is_loaded = False
        self._import_failure: Judged | None = None
        self._description: Message | None = None
        self._placed: dict[str, Path] = {}

    def describe(self) -> Message:
        """What the worker says of its device and versions; waits until it is up."""
        if self._description is None:
            self.ready()
        return self._description or {}

    def ready(self) -> WorkerProcess:
        """A process that is up, loaded or not.

        Raises:
            WorkerStartError: It did not come up; the next call tries another.
        """
        if self._process is None:
            self._description = None
            self._process, self._spare = self._spare, None
            self._process = self._process or self._new_process()
            with suppress(WorkerStartError):  # nobody needs it yet
                self._spare = self._new_process()
        if self._description is None:
            try:
                self._description = described(self._process.wait_until_ready())
            except WorkerStartError:
                self.discard()
                raise
        return self._process

    def loaded(self) -> WorkerProcess:
        """A process that has loaded the submission.

        Raises:
            Judged: It cannot be imported; that is tried once.
            ShortageError: Memory was too short.
            WorkerFaultError: The worker's own code failed, or what the course wrote.
            WorkerStartError: No process came up.
        """
        if self._import_failure is not None:
            raise self._import_failure
        process = self.ready()
        if not self._is_loaded:
            failure = self._imported(process)
            if failure is not None:
                self.discard()  # its code ran there
                raise self._refused(failure)
            self._is_loaded = True
        return process

    def place(self, name: str, text: str) -> Path:
        """Hand a file of the course over, once a process; gives the path that it sees."""
        process = self.loaded()
        if name not in self._placed:
            self._placed[name] = process.place(name, text.encode())
        return self._placed[name]

    def has_room(self, needs: Sequence[int]) -> bool:
        """Whether this machine has memory for blocks of these sizes, in bytes.

        Asks a process that has not loaded the submission; what the one before held is free.
        """
        self.let_go()
        try:
            process = self.ready()
        except WorkerStartError:  # a worker takes memory too
            return False
        try:
            return excuses.has_room(process, needs)
        finally:
            self.discard()

    def let_go(self) -> None:
        """End the process if the submission runs in it, so that all memory of it is free."""
        if self._is_loaded:
            self.discard()

    def discard(self) -> None:
        """End the process, if there is one; whoever asks next gets another."""
        if self._process is not None:
            self._process.close()
        self._process = None
        self._is_loaded = False
        self._placed.clear()
        self.slots.close()

    def gpu_processes(self) -> list[int]:
        """Ids, as this process sees them, of the running processes that use the GPU."""
        if self.tier != "compiled":
            return []
        running = (one for one in (self._process, self._spare) if one is not None)
        return [pid for one in running if (pid := one.worker_pid) is not None]

    def close(self) -> None:
        """End all processes and free the slots."""
        self.discard()
        if self._spare is not None:
            self._spare.close()
        self._spare = None

    def _new_process(self) -> WorkerProcess:
        try:
            return WorkerProcess(self.tier, self._gradients)
        except OSError as error:  # no memory, no descriptors, no room for its folder
            raise WorkerStartError(f"The worker process did not start: {error}.") from error

    def _refused(self, failure: Judged) -> Exception:
        """What an import that failed means: kept if it would only fail again."""
        if failures.is_shortage(failure):
            return ShortageError(failure.diagnosis.message, None if self._load.ours else failure)
        if self._load.ours:
            return WorkerFaultError(failure.diagnosis.message)
        self._import_failure = failure
        return failure

    def _imported(self, process: WorkerProcess) -> Judged | None:
        """Load the submission; gives the failure, if it is the student's."""
        process.remember(self._load.facts)
        path = process.place(f"{self._load.name}.py", self._load.source)
        request: Message = {"op": "load", "path": str(path), "targets": list(self._load.targets)}
        request["deadline_s"] = IMPORT_DEADLINE_S
        try:
            reply = process.request(request, IMPORT_DEADLINE_S)
            error = exception_in(reply)
            if error is not None:
                return failures.import_raised(error)
            done("loaded")(reply)
            return None
        except (WorkerDied, ProtocolViolation) as end:
            return failures.died(death_of(end), None, self._load.name, IMPORT_DEADLINE_S)
        except (ShortageError, WorkerFaultError) as error:
            self.discard()
            raise WorkerFaultError(str(error)) from error
