"""What the submission's source says of its own memory accesses, without running it."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator

# Positional place of the mask: tl.load(pointer, mask), tl.store(pointer, value, mask).
_MASK_POSITION = {"load": 1, "store": 2}


def unmasked_lines(source: str, kernels: Collection[str], access: str) -> list[int]:
    """Lines of ``tl.load`` or ``tl.store`` calls that have no mask.

    Args:
        source: The submission; one that does not parse has no lines to show.
        kernels: Names of the kernels to look into; empty means every function.
        access: ``"load"`` or ``"store"``.
    """
    return [
        call.lineno
        for call in _accesses(source, kernels, access)
        if len(call.args) <= _MASK_POSITION[access]
        and not any(keyword.arg in ("mask", None) for keyword in call.keywords)
    ]


def access_lines(source: str, kernels: Collection[str], access: str) -> list[int]:
    """Lines of all ``tl.load`` or ``tl.store`` calls of the kernels."""
    return [call.lineno for call in _accesses(source, kernels, access)]


def _accesses(source: str, kernels: Collection[str], access: str) -> Iterator[ast.Call]:
    try:
        module = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for definition in module.body:
        if not isinstance(definition, ast.FunctionDef):
            continue
        if kernels and definition.name not in kernels:
            continue
        for node in ast.walk(definition):
            if isinstance(node, ast.Call) and _is_access(node, access):
                yield node


def _is_access(call: ast.Call, access: str) -> bool:
    name = call.func
    return (
        isinstance(name, ast.Attribute)
        and name.attr == access
        and ast.unparse(name.value) in ("tl", "language", "triton.language")
    )
