"""What an honest worker answers, and which values its fields may have: the protocol, once more.

Written down apart from the judge's decoding, which it is compared with.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from typing import Any

from grader.protocol.frames import Message

HEADER = {"dtype": "float32", "shape": [2, 3], "strides": [3, 1], "offset": 0}
EMPTY = {"dtype": "float16", "shape": [0, 3], "strides": [3, 1], "offset": 256}
RETURNED = {"tensor": HEADER, "device": "cpu", "input": None, "memory": ["allocation", 1],
            "origin": "kernel"}  # fmt: skip
TRAFFIC = {"parameter": "x_ptr", "bytes_loaded": 24, "bytes_stored": 0,
           "reads_per_element": 1.0, "sector_efficiency": 0.5}  # fmt: skip
LAUNCH = {"kernel": "add_kernel", "tensors": [TRAFFIC]}
FINDING = {"kind": "out-of-bounds", "access": "store", "masked": "none", "int32_overflow": False,
           "message": "9 of 8", "line": 12}  # fmt: skip
VIOLATION = {"role": "input", "side": "after", "index": 0, "first": 6, "count": 2}
COMPILED = {"kernel": "add_kernel", "target": "sm_80", "ok": True, "error": None,
            "arguments": {"x_ptr": "*fp32"}, "configuration": "BLOCK: 64", "num_warps": 4,
            "registers": 16, "spills": 0, "stack": 0, "shared_bytes": 0, "shared_limit": 166912,
            "occupancy": {"blocks_per_sm": 16, "fraction": 1.0, "limiter": "warps"},
            "load_bits": 128, "store_bits": None}  # fmt: skip
NOT_COMPILED = COMPILED | {"ok": False, "occupancy": None, "error": {
    "kind": "does-not-compile", "message": "no", "line": 3}}  # fmt: skip
AUDIT = {"operations": [{"name": "aten::add", "line": 7, "count": 1, "elements": 6}],
         "beside": ["aten::empty"], "starts": [{"what": "thread", "line": None}],
         "device_kernels": ["k"], "tampered": ["torch.add"]}  # fmt: skip
RUN = {
    "result": {"items": [
        RETURNED,
        RETURNED | {"tensor": EMPTY, "input": 0, "memory": None},
        {"items": [{"value": 1.5}, {"value": None}]},
        {"other": "dict"},
    ]},
    "inputs_after": [HEADER | {"offset": 512}],
    "violations": [VIOLATION],
    "findings": [FINDING],
    "launches": [LAUNCH],
    "compiled": [COMPILED, NOT_COMPILED],
    "audit": AUDIT,
}  # fmt: skip
ERROR = {"type": "ValueError", "message": "no", "line": 3, "compile": False}

REPLIES: dict[str, Message] = {
    "ready": {"ready": True, "device": "interpreter", "torch": "2", "memory_bytes": 1},
    "load": {"loaded": True},
    "call": {"runs": [RUN, RUN], "nbytes": 768},
    "output": {"written": True},
    "reserve": {"free_bytes": 0, "total_bytes": 0},
    "peak": {"peak_bytes": 4096},
    "prepare": {"seconds_per_call": 1e-4},
    "arm": {"armed": True},
    "go": {"events_s": 0.05, "plain": True, "fresh": True},
}


def reply(request: Message) -> Message:
    """The reply to a request."""
    operation = request.get("op", "ready")
    audited: Message = {"launches": [{"kernel": "k"}], "audit": AUDIT}
    return REPLIES[operation] | (audited if request.get("audit") else {})


def _natural(value: Any) -> bool:
    return type(value) is int and 0 <= value <= 2**62


def _number(low: float, high: float) -> Callable[[Any], bool]:
    return lambda value: type(value) is float and math.isfinite(value) and low <= value <= high


def _bool(value: Any) -> bool:
    return type(value) is bool


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _none(value: Any) -> bool:
    return value is None


def _one_of(*values: Any) -> Callable[[Any], bool]:
    return lambda value: any(value == one and type(value) is type(one) for one in values)


def _kind(value: Any) -> bool:
    return _text(value) and re.fullmatch(r"[a-z0-9][a-z0-9-]*", value) is not None


def _line(value: Any) -> bool:
    return value is None or (_natural(value) and 0 < value <= 10_000_000)


def _object(value: Any) -> bool:
    return isinstance(value, dict)


def _objects(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, dict) for one in value)


def _names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _naturals(value: Any) -> bool:
    return isinstance(value, list) and all(_natural(one) for one in value)


def _or(*rules: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: any(rule(value) for rule in rules)


_OPTIONAL_TEXT = _or(_none, _text)
_OPTIONAL_COUNT = _or(_none, _natural)
_COUNTS = ("num_warps", "registers", "spills", "stack", "shared_bytes", "shared_limit",
           "load_bits", "store_bits")  # fmt: skip

# What a field may hold; of objects and lists, only what kind of value it is. An absent field
# counts as null. Elements of a list go by the list's name and "[]".
RULES: dict[str, Callable[[Any], bool]] = {
    **dict.fromkeys(("ready", "loaded", "written", "armed"), _one_of(True)),
    **dict.fromkeys(_COUNTS, _OPTIONAL_COUNT),
    **dict.fromkeys(
        ("nbytes", "peak_bytes", "bytes_loaded", "bytes_stored", "index", "blocks_per_sm",
         "offset", "shape[]", "strides[]"), _natural),
    **dict.fromkeys(("kernel", "target", "limiter", "device", "name", "message", "beside[]",
                     "device_kernels[]", "tampered[]", "other"), _text),
    **dict.fromkeys(("parameter", "access", "masked", "configuration"), _OPTIONAL_TEXT),
    **dict.fromkeys(("runs", "inputs_after", "violations", "findings", "launches", "compiled",
                     "operations", "starts", "items"), _objects),
    **dict.fromkeys(("runs[]", "inputs_after[]", "violations[]", "findings[]", "launches[]",
                     "compiled[]", "operations[]", "starts[]", "items[]", "result", "tensors[]",
                     "tensor"), _object),
    **dict.fromkeys(("audit", "arguments", "occupancy", "error"), _or(_none, _object)),
    **dict.fromkeys(("beside", "device_kernels", "tampered"), _names),
    **dict.fromkeys(("shape", "strides"), _naturals),
    **dict.fromkeys(("ok", "plain", "fresh"), _bool),
    **dict.fromkeys(("int32_overflow", "compile"), _or(_none, _bool)),
    "tensors": _or(_none, _objects),
    "type": _OPTIONAL_TEXT,
    "line": _line,
    "kind": _kind,
    "what": _one_of("thread", "process"),
    "role": _one_of("input", "allocation"),
    "side": _one_of("before", "after"),
    "origin": _one_of(None, "kernel", "torch", "foreign", "unseen"),
    "dtype": lambda value: _text(value) and value in ("float32", "float16", "bfloat16", "bool"),
    "memory": lambda value: value is None or isinstance(value, list),
    "memory[]": lambda value: _natural(value) or value in ("input", "allocation"),
    "input": _or(_none, lambda value: _natural(value) and value <= 4096),
    "first": lambda value: type(value) is int and abs(value) <= 2**62,
    "count": lambda value: _natural(value),
    "elements": lambda value: _natural(value),
    "fraction": _number(0, 1),
    "reads_per_element": _number(0, 2.0**62),
    "sector_efficiency": _or(_none, _number(0, 2.0**62)),
    "seconds_per_call": _number(0, 120),
    "events_s": _number(0, 30),
    "value": _or(_none, _bool, lambda v: isinstance(v, float), lambda v: type(v) is int
                 and -(2**63) <= v < 2**64),
}  # fmt: skip

# Of these any value will do, or several.
FREE = {"x_ptr", "torch", "memory_bytes"}

Path = tuple[str | int, ...]


def rule_of(path: Path) -> Callable[[Any], bool]:
    """What may stand at a place of a reply."""
    last = path[-1]
    return RULES[last if isinstance(last, str) else f"{path[-2]}[]"]


def paths(value: Any, path: Path = ()) -> Iterator[Path]:
    """All places of a reply, outermost first."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in inner:
        if key in FREE:
            continue
        yield (*path, key)
        if isinstance(item, dict | list):
            yield from paths(item, (*path, key))


def changed(value: Any, path: Path, new: Any) -> Any:
    """A copy of a reply with another value at a place."""
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = changed(copy[path[0]], path[1:], new)
    return copy
