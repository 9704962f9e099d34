"""When a worker blames the machine or itself, which leaves points pending.

Student code ran in the process that says so. So a shortage of memory is believed only if a worker
without the submission finds no room either, and a fault only if a fresh worker repeats it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from grader.judge.process import WorkerDied, WorkerProcess
from grader.judge.replies import ShortageError, WorkerFaultError, exception_in, leaves_most_free
from grader.judge.shared_slots import free_bytes
from grader.protocol.frames import Message, ProtocolViolation
from grader.results import NO_MEMORY
from grader.testing import Judged, defer

T = TypeVar("T")

_RESERVE_DEADLINE_S = 60.0

_TOO_LITTLE = (
    "Memory ran out, and this machine has too little to say whose doing that was. Grade again "
    "when nothing else uses its memory, fewer submissions at a time, or on a larger machine."
)


def believed(attempt: Callable[[], T], has_room: Callable[[], bool]) -> T:
    """What an attempt gives, made once more if it ended with an excuse.

    Args:
        attempt: Asks workers for something; must not depend on the workers before.
        has_room: Whether a fresh worker has memory to spare. Others may take and give back
            memory at any time, so it is asked after each shortage.

    Raises:
        Judged: As the attempt; or memory was too short, which defers the case.
        WorkerFaultError: The worker's own code failed twice.
    """
    found: list[Judged | None] = []
    for is_last in (False, True):
        try:
            return attempt()
        except ShortageError as shortage:
            found.append(shortage.failure)
        except WorkerFaultError:
            if is_last:
                raise
            found.append(None)
            continue
        # Here the exception is gone, and with it what the attempt still held.
        if not has_room():
            defer(_TOO_LITTLE, NO_MEMORY)
    # Once may be others' doing, who came and went; so may a shortage of the course's own code.
    last = found[-1]
    if last is None or None in found:
        defer(_TOO_LITTLE, NO_MEMORY)
    raise last


def has_room(worker: WorkerProcess, needs: Sequence[int]) -> bool:
    """Whether a worker that has not loaded the submission finds memory in plenty.

    On a GPU that is blocks of these sizes and half of its memory: where others hold more, what was
    free a moment ago says nothing. A host promises more than it has, so there it is asked itself.

    Whatever else the worker answers is no student's doing, and no proof of room.
    """
    free = free_bytes() if worker.tier == "interpreted" else None
    if free is not None and sum(needs) > free:
        return False
    request: Message = {"op": "reserve", "nbytes": list(needs)}
    try:
        reply = worker.request(request, _RESERVE_DEADLINE_S)
        return exception_in(reply) is None and leaves_most_free(reply)
    except (ShortageError, WorkerFaultError, WorkerDied, ProtocolViolation):
        return False
