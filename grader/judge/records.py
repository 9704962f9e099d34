"""What a worker saw beside a result, decoded from frames that may be forged.

Each record is taken apart and put together again from the fields that the judge knows, every
one with its type and bounds and every text made harmless; so whoever reads it later can do
nothing wrong. ``compiled`` does the same for compiled kernels.
"""

from __future__ import annotations

import re
from typing import Any

from grader.judge.process import printable
from grader.protocol.frames import (
    LARGEST,
    Message,
    ProtocolViolation,
    field,
    integer,
    number,
    objects,
    optional,
)
from grader.protocol.notes import LONGEST_KERNEL, MOST_KERNELS, MOST_LINES, MOST_OPERATIONS

LARGEST_LINE = 10_000_000
LONGEST_MESSAGE = 800
LONGEST_NAME = 200

# No worker reports more; see its shortening.
MOST_LAUNCHES = 512
MOST_TENSORS = 512
MOST_NOTES = 64

# Too many of either are noted as one more.
_MOST_NOTED = (MOST_OPERATIONS + 1) * (MOST_LINES + 1)

_KIND = re.compile(r"[a-z0-9][a-z0-9-]{0,59}")


def text(message: Message, key: str, longest: int = LONGEST_NAME) -> str:
    """A text without control characters, cut to a length.

    Raises:
        ProtocolViolation: It is absent or no text; so for all functions here.
    """
    return printable(field(message, key, str)[: 4 * longest])[:longest]


def kind(message: Message, key: str = "kind") -> str:
    """A name as diagnoses have it: small letters, digits and hyphens."""
    value = field(message, key, str)
    if not _KIND.fullmatch(value):
        raise ProtocolViolation(f"field {key!r} is no name of a kind")
    return value


def line(message: Message) -> int | None:
    """The number of a line of a file, where one is given."""
    if message.get("line") is None:
        return None
    return integer(message, "line", 1, LARGEST_LINE)


def description(message: Message) -> Message:
    """What a worker says of its device and versions: plain values by name."""
    if len(message) > MOST_NOTES:
        raise ProtocolViolation(f"a worker describes itself by at most {MOST_NOTES} values")
    return {printable(name[:40]): _plain(message, name) for name in message}


def _plain(message: Message, name: str) -> bool | int | float | str | None:
    value = message[name]
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return integer(message, name, -LARGEST)
    if isinstance(value, float):
        return number(message, name, -LARGEST)
    return text(message, name)


def finding(message: Message) -> Message:
    """A faulty access that the interpreter saw."""
    return {
        "kind": kind(message),
        "access": text(message, "access") if message.get("access") is not None else None,
        "masked": text(message, "masked") if message.get("masked") is not None else None,
        "int32_overflow": optional(message, "int32_overflow", bool) is True,
        "message": text(message, "message", LONGEST_MESSAGE),
        "line": line(message),
    }


def violation(message: Message) -> Message:
    """A store that hit a red zone."""
    return {
        "role": _one_of(message, "role", ("input", "allocation")),
        "side": _one_of(message, "side", ("before", "after")),
        "index": integer(message, "index"),
        "first": integer(message, "first", -LARGEST),
        "count": integer(message, "count", 1),
    }


def launch(message: Message) -> Message:
    """A kernel that was launched, and what it moved where that was counted."""
    counted = message.get("tensors") is not None
    tensors = objects(message, "tensors", MOST_TENSORS) if counted else []
    return {"kernel": text(message, "kernel"), "tensors": [_traffic(one) for one in tensors]}


def _traffic(message: Message) -> Message:
    efficient = message.get("sector_efficiency") is not None
    named = message.get("parameter") is not None
    return {
        "parameter": text(message, "parameter", 80) if named else "?",
        "bytes_loaded": integer(message, "bytes_loaded"),
        "bytes_stored": integer(message, "bytes_stored"),
        "reads_per_element": number(message, "reads_per_element"),
        "sector_efficiency": number(message, "sector_efficiency") if efficient else None,
    }


def audit(message: Message) -> Message:
    """What the submission did beside launching kernels; an empty one tells of nothing."""
    if not message:
        return {}
    return {
        "operations": [
            {
                "name": text(one, "name"),
                "line": line(one),
                "count": integer(one, "count"),
                "elements": integer(one, "elements"),
            }
            for one in objects(message, "operations", _MOST_NOTED)
        ],
        "beside": _names(message, "beside", LONGEST_NAME),
        "starts": [
            {"what": _one_of(one, "what", ("thread", "process")), "line": line(one)}
            for one in objects(message, "starts", MOST_NOTES)
        ],
        "device_kernels": _names(message, "device_kernels", LONGEST_KERNEL, MOST_KERNELS),
        "tampered": _names(message, "tampered", LONGEST_NAME),
    }


def _names(message: Message, key: str, longest: int, most: int = MOST_NOTES) -> list[str]:
    values: list[Any] = field(message, key, list)
    if len(values) > most or not all(isinstance(value, str) for value in values):
        raise ProtocolViolation(f"field {key!r} should be at most {most} names")
    return [printable(value[: 4 * longest])[:longest] for value in values]


def _one_of(message: Message, key: str, values: tuple[str, ...]) -> str:
    value = field(message, key, str)
    if value not in values:
        raise ProtocolViolation(f"field {key!r} should be one of {', '.join(values)}")
    return value
