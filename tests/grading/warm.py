"""Worker processes that outlive a grading run, so that tests need not start one each.

A worker starts in seconds and most tests leave it as good as new. One that ended, was ended or
answered out of turn is not lent again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from grader.judge.invocation import Invocation
from grader.judge.process import WorkerDied, WorkerProcess
from grader.judge.session import Session
from grader.lesson import Function
from grader.protocol.frames import Message


class Lent:
    """A warm worker in the hands of one session; stands in for a ``WorkerProcess``."""

    def __init__(self, worker: WorkerProcess, give_back: Callable[[WorkerProcess], None]) -> None:
        self.tier = worker.tier
        self.gradients = worker.gradients
        self.pid = worker.pid
        self.worker_pid = worker.worker_pid
        self._worker = worker
        self._give_back = give_back
        self._open = True

    def wait_until_ready(self) -> Message:
        """What the worker said of itself when it started."""
        return {"ready": True, "device": "interpreter"}

    def place(self, name: str, content: bytes) -> Path:
        """As the worker's own."""
        return self._worker.place(name, content)

    def remember(self, file: Path | None) -> None:
        """As the worker's own."""
        self._worker.remember(file)

    def request(
        self, message: Message, deadline_s: float, descriptors: Sequence[int] = ()
    ) -> Message:
        """As the worker's own."""
        try:
            return self._worker.request(message, deadline_s, descriptors)
        except WorkerDied:
            self._end()
            raise

    def close(self) -> None:
        """Give the worker back if it still answers in turn, else end it."""
        if not self._open:
            return
        with contextlib.suppress(WorkerDied):
            if self._worker.request({"op": "output"}, 10.0) == {"written": True}:
                self._open = False
                self._give_back(self._worker)
                return
        self._end()

    def _end(self) -> None:
        self._open = False
        self._worker.close()


# What torch and the interpreter import at the first call is not the deadline's business.
_FIRST_CALL = b"import torch\n\n\ndef first_call():\n    torch.empty(1)\n"


class WarmWorkers:
    """Lends warm workers; one more always starts in the background."""

    def __init__(self) -> None:
        self._idle: list[WorkerProcess] = []
        self._starting: WorkerProcess | None = None

    def __call__(self, tier: str, gradients: bool = False) -> Any:
        """Lend a worker; has the signature of ``WorkerProcess``."""
        assert tier == "interpreted"
        if not self._idle:
            worker = self._starting or WorkerProcess(tier)
            self._starting = WorkerProcess(tier)
            worker.wait_until_ready()
            session = Session(_FIRST_CALL, "first", self._lend(worker), 120.0)
            session.call(Invocation(Function("first_call", ()), ()))
            session.close()
        return self._lend(self._idle.pop())

    def _lend(self, worker: WorkerProcess) -> Any:
        return Lent(worker, self._idle.append)

    def close(self) -> None:
        """End all workers that are not lent."""
        for worker in (*self._idle, self._starting):
            if worker is not None:
                worker.close()


class NoWorker:
    """Stands in for a worker where none may be asked for anything."""

    def __init__(self, tier: str, gradients: bool = False) -> None:
        self.tier = tier
        self.gradients = gradients
        self.pid = 0

    def wait_until_ready(self) -> Message:
        """A description, since a run reports its device."""
        return {"ready": True, "device": "interpreter", "torch": "0"}

    def request(self, *_: object) -> Message:
        """Must not happen."""
        raise AssertionError("this was to be judged without running anything")

    def close(self) -> None:
        """Nothing to end."""
