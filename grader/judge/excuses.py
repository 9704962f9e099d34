"""When a worker blames the machine or itself, which leaves points pending.

Student code ran in the process that says so. So a shortage of memory is believed only if a worker
without the submission has no room for the inputs either, and a fault only if a fresh worker
repeats it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from grader.judge.process import WorkerDied, WorkerProcess
from grader.judge.replies import ShortageError, WorkerFaultError, exception_in
from grader.protocol.frames import Message, ProtocolViolation
from grader.testing import defer, fail

T = TypeVar("T")

_RESERVE_DEADLINE_S = 60.0


def believed(attempt: Callable[[], T], has_room: Callable[[], bool], function: str) -> T:
    """What an attempt gives, made once more if it ended with an excuse.

    Args:
        attempt: Asks a worker for something; must not depend on the worker before.
        has_room: Whether a fresh worker has memory to spare for the inputs.
        function: The submission's function.

    Raises:
        Judged: As the attempt; or memory was too short, which defers the case.
        WorkerFaultError: The worker's own code failed twice.
    """
    for is_last in (False, True):
        try:
            return attempt()
        except ShortageError:
            if not has_room():
                defer("This machine has too little memory for this case; use one with more.")
        except WorkerFaultError:
            if is_last:
                raise
    fail(
        "out-of-memory",
        f"{function}() leaves no memory for its own inputs, although this machine has enough for "
        "them: a process that has not loaded the file lays them out. What does the file keep?",
    )


def has_room(worker: WorkerProcess, needs: Sequence[int]) -> bool:
    """Whether a worker that has not loaded the submission has memory of these sizes.

    Whatever else it answers is no student's doing, and no proof of room.
    """
    request: Message = {"op": "reserve", "nbytes": list(needs)}
    try:
        return exception_in(worker.request(request, _RESERVE_DEADLINE_S)) is None
    except (ShortageError, WorkerFaultError, WorkerDied, ProtocolViolation):
        return False
