"""What the worker's replies are, besides runs of a call; decoded from frames that may be forged."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from grader.errors import WorkerStartError
from grader.judge import records
from grader.judge.process import printable
from grader.protocol.frames import Message, ProtocolViolation, field, integer, optional
from grader.testing import Judged

T = TypeVar("T")

# How a reply's fields are fetched; raises ProtocolViolation.
Reader = Callable[[Message], T]

_LONGEST_TEXT = 4000


class WorkerFaultError(Exception):
    """The worker's own code failed: nobody's points, and a bug to report."""


class ShortageError(Exception):
    """A worker says that memory was too short, for the inputs or in the function itself.

    Attributes:
        failure: The student's verdict where the machine is not to blame; ``None`` where the
            course's own code ran.
    """

    def __init__(self, told: str, failure: Judged | None = None) -> None:
        super().__init__(told)
        self.failure = failure


def exception_in(reply: Message) -> Message | None:
    """The exception that the submission raised, if the reply tells of one.

    Raises:
        WorkerFaultError: The worker's own code failed.
        ShortageError: Memory was too short for the inputs.
        ProtocolViolation: The reply is none.
    """
    for name, error in (("fault", WorkerFaultError), ("shortage", ShortageError)):
        told = optional(reply, name, str)
        if told is not None:
            raise error(printable(told[:_LONGEST_TEXT]))
    return optional(reply, "error", dict)


def done(name: str) -> Reader[None]:
    """Reads the reply to a request that only asks for something to be done.

    Args:
        name: The field that says so.
    """

    def read(reply: Message) -> None:
        if not field(reply, name, bool):
            raise ProtocolViolation(f"field {name!r} should be true")

    return read


def sized(reply: Message) -> Message:
    """The reply to a call, with the bytes that its results take as ``nbytes``."""
    return reply | {"nbytes": integer(reply, "nbytes")}


def peak_bytes(reply: Message) -> int:
    """The bytes that a call allocated at most."""
    return integer(reply, "peak_bytes")


def leaves_most_free(reply: Message) -> bool:
    """Whether half of the memory is free or more, as the reply to a reservation tells it."""
    return 2 * integer(reply, "free_bytes") >= integer(reply, "total_bytes")


def described(reply: Message) -> Message:
    """What a worker says of itself before any submission has run in it.

    Raises:
        WorkerStartError: It is no description, which is nobody's fault but this program's.
    """
    try:
        known = records.description(reply)
        field(known, "device", str)
    except ProtocolViolation as violation:
        message = f"The worker process did not start: {violation}. Run `course doctor`."
        raise WorkerStartError(message) from violation
    return known
