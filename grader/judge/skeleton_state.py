"""How far a student has come with a graded function, read from the source alone.

Owns the verdict "not started": it compares two texts, the skeleton and the submission, for one
entry of ``lesson.toml``. Knows nothing of workers: it answers before anything runs.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from grader.definitions import Definition, flat, names_in, reachable, without_backward
from grader.errors import LessonDefinitionError
from grader.judge.stubs import holds_stub, undone_line
from grader.lesson import Function


class Progress(StrEnum):
    """How much of what a graded function needs is written."""

    NOT_STARTED = "not_started"
    PARTLY = "partly"
    STARTED = "started"
    ABSENT = "absent"
    BROKEN = "broken"


@dataclass(frozen=True)
class Todo:
    """A function with something left to do.

    Attributes:
        name: Its name.
        line: Line of what is left in the submission, 1-based.
    """

    name: str
    line: int


@dataclass(frozen=True)
class FunctionState:
    """What there is to run of one graded function.

    Attributes:
        progress: The verdict.
        todo: What is left to do, in the order of the file; empty once started.
        message: Why there is nothing to run, for ``ABSENT`` and ``BROKEN``.
        line: Line of the syntax error, for ``BROKEN``, where it is known.
    """

    progress: Progress
    todo: tuple[Todo, ...] = ()
    message: str = ""
    line: int | None = None


@lru_cache(maxsize=64)  # asked before each call into the submission
def function_state(skeleton: str, submission: str, function: Function) -> FunctionState:
    """Decide how far a submission has come with one function.

    What it needs is the function itself, its kernels, and all that these refer to in the
    skeleton. A helper of the skeleton that the student's own code does not use is not missed.

    Args:
        skeleton: The lesson's skeleton as released; empty if there is none to compare with.
        submission: The student's file.
        function: The graded function and its kernels.

    Returns:
        ``NOT_STARTED`` when everything that was to be done still is, ``PARTLY`` when some of
        it is, ``STARTED`` when nothing is; ``ABSENT`` when the submission has no such
        function, ``BROKEN`` when it is not Python.

    Raises:
        LessonDefinitionError: The skeleton is not Python.
    """
    try:
        given = _parsed(skeleton, function.differentiated)
    except SyntaxError as error:
        raise LessonDefinitionError(
            f"The skeleton of {function.name} is not Python (line {error.lineno}: {error.msg}). "
            "Make it anew: course build."
        ) from error
    try:
        written = _parsed(submission, function.differentiated)
    except SyntaxError as error:
        code = f": {error.text.strip()}" if error.text else ""
        return FunctionState(Progress.BROKEN, message=f"{error.msg}{code}", line=error.lineno)
    if function.name not in written.names and "*" not in written.names:
        message = f"the file defines no function `{function.name}`"
        return FunctionState(Progress.ABSENT, message=message)
    return _compare(given, written, function)


@dataclass(frozen=True)
class _Module:
    """The definitions at the top of a file, what they refer to, and all names bound there."""

    definitions: dict[str, Definition]
    refers: dict[str, set[str]]
    names: frozenset[str]

    def needed_by(self, function: Function) -> set[str]:
        """Names of the definitions that a function refers to, directly or not."""
        return reachable((function.name, *function.required_kernels), self.refers)


def _compare(given: _Module, written: _Module, function: Function) -> FunctionState:
    to_do = {name for name in given.needed_by(function) if holds_stub(given.definitions[name])}
    left = [
        Todo(name, line)
        for name in to_do & written.needed_by(function)
        if (line := undone_line(given.definitions[name], written.definitions[name]))
    ]
    if not left:
        return FunctionState(Progress.STARTED)
    progress = Progress.NOT_STARTED if len(left) == len(to_do) else Progress.PARTLY
    return FunctionState(progress, tuple(sorted(left, key=lambda todo: todo.line)))


@lru_cache(maxsize=64)  # asked for each graded function, with the same two texts
def _parsed(text: str, with_backward: bool) -> _Module:
    """The definitions of a file; of an ``autograd.Function`` the backward pass only if asked."""
    try:
        statements = list(flat(ast.parse(text).body))
    except (ValueError, RecursionError, MemoryError) as error:  # a NUL byte, absurd nesting
        raise SyntaxError(str(error) or type(error).__name__) from error
    definitions = {node.name: node for node in statements if isinstance(node, Definition)}
    if not with_backward:
        for node in definitions.values():
            node.body = without_backward(node)
    names = {name for statement in statements for name in _bound_names(statement)}
    refers = {name: names_in(node) for name, node in definitions.items()}
    return _Module(definitions, refers, frozenset(names | definitions.keys()))


def _bound_names(statement: ast.stmt) -> Iterator[str]:
    if isinstance(statement, ast.Import | ast.ImportFrom):
        for alias in statement.names:
            yield alias.asname or alias.name.partition(".")[0]
    elif isinstance(statement, ast.Assign | ast.AnnAssign):
        nodes = (node for child in ast.iter_child_nodes(statement) for node in ast.walk(child))
        for node in nodes:
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                yield node.id
