"""Whether the worker's own code is still what it was when the submission was imported.

A submission shares this process and can replace what watches it. What is replaced by assignment
shows here. Code that sets out to hide from this very look can: what a worker says earns nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any

from triton.runtime.jit import JITFunction

MOST_NAMES = 16

_known: dict[str, tuple[Any, CodeType | None]] = {}


def remember() -> None:
    """Take the code as it is now for what it should be."""
    _known.clear()
    _known.update({name: (value, _code(value)) for name, value in _callables()})


def tampered() -> list[str]:
    """Names of what has been replaced since; a few of them are enough."""
    found = []
    now = dict(_callables())
    for name, (value, code) in _known.items():
        if now.get(name) is not value or _code(now[name]) is not code:
            found.append(name)
    return found[:MOST_NAMES]


def _callables() -> Iterator[tuple[str, Any]]:
    for module in [*sys.modules.values()]:
        name = getattr(module, "__name__", "")
        if isinstance(module, ModuleType) and isinstance(name, str) and _is_ours(name):
            yield from _members(name, vars(module))
    yield "JITFunction.run", vars(JITFunction).get("run")


def _is_ours(name: str) -> bool:
    return name.startswith(("grader.worker.", "grader.protocol."))


def _members(owner: str, members: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in [*members.items()]:
        if isinstance(value, FunctionType):
            yield f"{owner}.{name}", value
        elif isinstance(value, type) and value.__module__ == owner:
            for method, body in [*vars(value).items()]:
                if isinstance(body, FunctionType | staticmethod | classmethod | property):
                    yield f"{owner}.{name}.{method}", body


def _code(value: Any) -> CodeType | None:
    return getattr(value, "__code__", None)
