"""What a stub is, and whether one is left: ``pass`` in a kernel, a raise in host code.

One definition for both ends: the generator of skeletons writes the stubs named here, the judge
looks for them in submissions. Works on syntax trees alone.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator, Sequence

from grader.definitions import Definition, blocks, is_kernel, last_name

KERNEL_STUB = "pass"


def host_stub(function: str) -> str:
    """The statement that stands for what is to be done in a host function."""
    return f'raise NotImplementedError("{function}: TODO not done yet")'


def holds_stub(definition: Definition) -> bool:
    """Whether a function, or a method of a class, has something to be done."""
    return bool(_stub_lines(definition))


def undone_line(skeleton: Definition, submission: Definition) -> int | None:
    """Where something is left to do in a function.

    Args:
        skeleton: The definition as released, with at least one stub.
        submission: The definition of that name in the student's file.

    Returns:
        Line of the submission's first stub, or of its ``def`` if the stub is gone and nothing
        came in its place; None if all is done. Docstrings, comments, the signature and the
        words of a stub make no difference.
    """
    try:
        same = _substance(skeleton) == _substance(submission)
    except RecursionError:  # nested deeper than any skeleton
        return None
    if same:
        return min(_stub_lines(submission), default=submission.lineno)
    stubs = {ast.dump(node) for node in ast.walk(skeleton) if _is_host_stub(node)}
    bodies = [node.body for node in ast.walk(submission) if isinstance(node, ast.FunctionDef)]
    return next((line for body in bodies for line in _reached(body, stubs)), None)


def _stub_lines(definition: Definition) -> list[int]:
    in_kernel = is_kernel(definition)
    return [
        node.lineno
        for node in ast.walk(definition)
        if (isinstance(node, ast.Pass) if in_kernel else _is_host_stub(node))
        and isinstance(node, ast.stmt)
    ]


def _is_host_stub(node: ast.AST) -> bool:
    if not isinstance(node, ast.Raise) or node.exc is None:
        return False
    return last_name(node.exc) == "NotImplementedError"


def _substance(definition: Definition) -> list[str]:
    """The body without what changes nothing."""
    plain = _Plain().visit(copy.deepcopy(definition))
    return [ast.dump(statement) for statement in plain.body]


class _Plain(ast.NodeTransformer):
    """Drops docstrings and ``pass``, and the words of stubs."""

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        return ast.Raise() if _is_host_stub(node) else node

    def visit_Pass(self, node: ast.Pass) -> None:
        return None

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        return None if isinstance(node.value, ast.Constant) else node


def _reached(body: Sequence[ast.stmt], stubs: set[str]) -> Iterator[int]:
    """Lines of the skeleton's stubs that the run of a function body can come to.

    Code after a ``return`` does not run: a stub that was left there is harmless.
    """
    for statement in body:
        if ast.dump(statement) in stubs:
            yield statement.lineno
        for block in blocks(statement):
            yield from _reached(block, stubs)
        if _ends(statement):
            return


def _ends(statement: ast.stmt) -> bool:
    """Whether nothing after this statement runs, as far as is plain to see."""
    if isinstance(statement, ast.If):
        return _block_ends(statement.body) and _block_ends(statement.orelse)
    if isinstance(statement, ast.With):
        return _block_ends(statement.body)
    if isinstance(statement, ast.Try):
        paths = [statement.orelse or statement.body, *(part.body for part in statement.handlers)]
        return _block_ends(statement.finalbody) or all(_block_ends(path) for path in paths)
    return isinstance(statement, ast.Return | ast.Raise | ast.Continue | ast.Break)


def _block_ends(block: Sequence[ast.stmt]) -> bool:
    return any(_ends(statement) for statement in block)
