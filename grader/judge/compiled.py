"""What compiling a kernel gave, decoded from a frame that may be forged.

The facts go into reports, so each is fetched with its type and bounds, and text is made harmless.
"""

from __future__ import annotations

from grader.judge.process import printable
from grader.judge.records import LONGEST_MESSAGE, LONGEST_NAME, kind, line, text
from grader.protocol.frames import Message, ProtocolViolation, field, integer, number, optional

_COUNTS = ("num_warps", "registers", "spills", "stack", "shared_bytes", "shared_limit",
           "load_bits", "store_bits")  # fmt: skip
_MOST_ARGUMENTS = 256


def kernel_facts(message: Message) -> Message:
    """The facts of one kernel compiled for one target.

    Raises:
        ProtocolViolation: A fact is missing, of another type, or out of bounds.
    """
    tuned = message.get("configuration") is not None
    facts: Message = {
        "kernel": text(message, "kernel"),
        "target": text(message, "target"),
        "ok": field(message, "ok", bool),
        "error": _error(optional(message, "error", dict)),
        "arguments": _arguments(optional(message, "arguments", dict) or {}),
        "configuration": (text(message, "configuration") or None) if tuned else None,
        "occupancy": _occupancy(optional(message, "occupancy", dict)),
    }
    return facts | {name: _count(message, name) for name in _COUNTS}


def _count(message: Message, name: str) -> int | None:
    return None if message.get(name) is None else integer(message, name)


def _error(message: Message | None) -> Message | None:
    if message is None:
        return None
    return {
        "kind": kind(message),
        "message": text(message, "message", LONGEST_MESSAGE),
        "line": line(message),
    }


def _occupancy(message: Message | None) -> Message | None:
    if message is None:
        return None
    return {
        "blocks_per_sm": integer(message, "blocks_per_sm"),
        "fraction": number(message, "fraction", 0.0, 1.0),
        "limiter": text(message, "limiter"),
    }


def _arguments(message: Message) -> Message:
    if len(message) > _MOST_ARGUMENTS:
        raise ProtocolViolation(f"a kernel has at most {_MOST_ARGUMENTS} parameters")
    return {
        printable(name[:LONGEST_NAME]): text({"value": str(value)[:LONGEST_NAME]}, "value")
        for name, value in message.items()
    }
