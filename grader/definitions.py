"""What a Python file defines at its top, and what a definition refers to; read, never run.

Two readers of submissions share it: the one that looks for what is still to do, and the policy.
Works on syntax trees alone.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef

_NO_PARTS = (ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop)


def blocks(statement: ast.stmt) -> Iterator[list[ast.stmt]]:
    """The blocks of a compound statement; a definition has none, since it runs elsewhere."""
    if isinstance(statement, Definition):
        return
    for field in ("body", "orelse", "finalbody"):
        yield getattr(statement, field, [])
    for part in (*getattr(statement, "handlers", []), *getattr(statement, "cases", [])):
        yield part.body


def flat(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a module, those inside ``if``, ``try`` and the like included."""
    waiting = list(body)[::-1]
    while waiting:
        statement = waiting.pop()
        yield statement
        waiting += [each for block in blocks(statement) for each in block][::-1]


def children(node: ast.AST) -> list[ast.AST]:
    """What a node consists of, in the order of the file, without operators and contexts."""
    found: list[ast.AST] = []
    for name in node._fields:
        value = getattr(node, name, None)
        if value.__class__ is list:
            found += [part for part in value if isinstance(part, ast.AST)]
        elif isinstance(value, ast.AST) and not isinstance(value, _NO_PARTS):
            found.append(value)
    return found


def names_in(node: ast.AST) -> set[str]:
    """All names in a node and in what it consists of."""
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def reachable(roots: Iterable[str], refers: Mapping[str, Iterable[str]]) -> set[str]:
    """Names that roots refer to, directly or not, themselves included.

    Args:
        roots: Names to begin with; those that stand for nothing known are left out.
        refers: The names that each known name refers to.
    """
    found: set[str] = set()
    waiting = set(roots) & refers.keys()
    while waiting:
        name = waiting.pop()
        found.add(name)
        waiting |= (set(refers[name]) & refers.keys()) - found
    return found


def without_backward(definition: Definition) -> list[ast.stmt]:
    """The body of a definition, of an ``autograd.Function`` without its backward pass."""
    if not isinstance(definition, ast.ClassDef):
        return definition.body
    kept = [
        each
        for each in definition.body
        if not (isinstance(each, ast.FunctionDef) and each.name == "backward")
    ]
    return kept or definition.body


def is_kernel(node: ast.AST) -> bool:
    """Whether a definition is decorated with ``triton.jit``, autotuned or not."""
    decorators = node.decorator_list if isinstance(node, ast.FunctionDef) else []
    return any(last_name(decorator) == "jit" for decorator in decorators)


def last_name(expression: ast.expr) -> str | None:
    """``jit`` of ``triton.jit``, ``triton.jit(...)`` and ``jit``."""
    while isinstance(expression, ast.Call):
        expression = expression.func
    if isinstance(expression, ast.Attribute):
        return expression.attr
    return expression.id if isinstance(expression, ast.Name) else None
