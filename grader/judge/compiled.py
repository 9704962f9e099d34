"""What compiling a kernel gave, decoded from a frame that may be forged.

The facts go into reports, so each is fetched with its type, and text is made harmless.
"""

from __future__ import annotations

from grader.judge.process import printable
from grader.protocol.frames import Message, ProtocolViolation, field, optional

_COUNTS = ("num_warps", "registers", "spills", "stack", "shared_bytes", "shared_limit",
           "load_bits", "store_bits")  # fmt: skip


def kernel_facts(message: Message) -> Message:
    """The facts of one kernel compiled for one target.

    Raises:
        ProtocolViolation: A fact is missing or of another type.
    """
    facts: Message = {
        "kernel": _text(field(message, "kernel", str)),
        "target": _text(field(message, "target", str)),
        "ok": field(message, "ok", bool),
        "error": _error(optional(message, "error", dict)),
        "arguments": _arguments(optional(message, "arguments", dict) or {}),
        "configuration": _text(optional(message, "configuration", str) or "") or None,
        "occupancy": _occupancy(optional(message, "occupancy", dict)),
    }
    return facts | {name: optional(message, name, int) for name in _COUNTS}


def _error(message: Message | None) -> Message | None:
    if message is None:
        return None
    return {
        "kind": _text(field(message, "kind", str))[:60],
        "message": printable(field(message, "message", str))[:800],
        "line": optional(message, "line", int),
    }


def _occupancy(message: Message | None) -> Message | None:
    if message is None:
        return None
    fraction = field(message, "fraction", float)
    if not 0 <= fraction <= 1:
        raise ProtocolViolation(f"an occupancy of {fraction}")
    return {
        "blocks_per_sm": field(message, "blocks_per_sm", int),
        "fraction": fraction,
        "limiter": _text(field(message, "limiter", str)),
    }


def _arguments(message: Message) -> Message:
    named = list(message.items())[:64]
    return {_text(name): _text(str(value)) for name, value in named}


def _text(value: str) -> str:
    return printable(value)[:200]
