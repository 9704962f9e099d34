"""Every node of a statement with what is known about where it stands; decides nothing."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace

from grader.definitions import blocks, children, without_backward
from grader.policy.names import Names

_JIT = {"triton.jit", "triton.runtime.jit", "triton.runtime.jit.jit"}


@dataclass(frozen=True)
class Place:
    """Where a node stands.

    Attributes:
        at_import: Whether it runs when the file is imported, not when a function is called.
        in_kernel: Whether Triton compiles it.
        in_class: Whether it stands in the body of a class.
        in_annotation: Whether it only says a type.
    """

    at_import: bool = True
    in_kernel: bool = False
    in_class: bool = False
    in_annotation: bool = False


def walk(
    statement: ast.stmt, names: Names, with_backward: bool = True
) -> Iterator[tuple[ast.AST, Place]]:
    """The nodes of a statement in the order of the file, without those of its blocks.

    Args:
        statement: One of the file's top, or of a block there.
        names: The names of the file.
        with_backward: Whether the backward pass of an ``autograd.Function`` is part of it.
    """
    own = {id(each) for block in blocks(statement) for each in block}
    waiting: list[tuple[ast.AST, Place]] = [(statement, Place())]
    while waiting:
        node, place = waiting.pop()
        yield node, place
        if isinstance(node, ast.ClassDef) and not with_backward:
            own |= {id(each) for each in node.body} - {id(e) for e in without_backward(node)}
        parts = children(node)[::-1]
        if own:
            parts = [part for part in parts if id(part) not in own]
        if isinstance(node, _PLACING):
            waiting += _placed(node, parts, place, names)
        else:
            waiting += [(part, place) for part in parts]


# What makes another place of some of its parts.
_PLACING = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef, ast.arg, ast.AnnAssign)


def is_kernel(node: ast.AST, names: Names) -> bool:
    """Whether Triton compiles a function: decorated with ``triton.jit`` under whatever name."""
    if not isinstance(node, ast.FunctionDef):
        return False
    decorators = (each.func if isinstance(each, ast.Call) else each for each in node.decorator_list)
    return any(names.paths(decorator) & _JIT for decorator in decorators)


def _placed(
    node: ast.AST, parts: list[ast.AST], place: Place, names: Names
) -> Iterator[tuple[ast.AST, Place]]:
    inside: set[int] = set()
    body = place
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        inside = {id(each) for each in node.body}
        in_kernel = place.in_kernel or is_kernel(node, names)
        body = Place(at_import=False, in_kernel=in_kernel)
    elif isinstance(node, ast.Lambda):
        inside, body = {id(node.body)}, replace(place, at_import=False)
    elif isinstance(node, ast.ClassDef):
        inside, body = {id(each) for each in node.body}, replace(place, in_class=True)
    types = {id(getattr(node, "returns", None)), id(getattr(node, "annotation", None))}
    for part in parts:
        if id(part) in inside:
            yield part, body
        else:
            yield part, replace(place, in_annotation=True) if id(part) in types else place
