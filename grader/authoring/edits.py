"""A kept submission that says only where it differs from the solution.

Under the header ``# based-on: solution`` stand definitions, assignments and imports of the top
level. Each takes the place of the solution's one of the same name; one that the solution does
not have stands before the next one that it has. So a reader sees the mistake and nothing else,
and a change to the solution reaches all that is based on it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.errors import GraderError

BASE_LINE = "# based-on: solution"


def whole_text(file: Path, solution: Path) -> str:
    """What a kept submission is when whole: itself, or the solution with its edits.

    Raises:
        EditsError: The file or the solution is not Python.
    """
    text = file.read_text(encoding="utf-8")
    if BASE_LINE not in text.splitlines():
        return text
    try:
        return compose(solution.read_text(encoding="utf-8"), text)
    except SyntaxError as error:
        raise EditsError(
            f"{file}: line {error.lineno}: {error.msg}. What is based on the solution must be "
            f"Python; leave the line {BASE_LINE!r} out of a submission that is not."
        ) from error


class EditsError(GraderError):
    """A submission cannot be put together with the solution that it is based on."""


@dataclass(frozen=True)
class Segment:
    """A statement of the top level with the comments right above it.

    Attributes:
        name: What it binds first; empty for statements that bind nothing.
        text: Its lines.
        first: Index of its first line.
        last: Index behind its last line.
    """

    name: str
    text: str
    first: int
    last: int


def compose(solution: str, edits: str) -> str:
    """The whole submission.

    Args:
        solution: Text of the solution.
        edits: Text that differs, its header included.

    Returns:
        The header's comments, then the solution with the edits in their places.

    Raises:
        SyntaxError: One of the texts is not Python.
    """
    base, changes = list(segments(solution)), list(segments(edits))
    places = {segment.name: at for at, segment in enumerate(base) if segment.name}
    replaced: dict[int, str] = {}
    before: dict[int, list[str]] = {}
    for at, change in enumerate(changes):
        if change.name in places:
            replaced[places[change.name]] = change.text
        else:
            before.setdefault(_next_place(changes[at:], places, len(base)), []).append(change.text)
    parts = [_preamble(solution, base)]
    for at, segment in enumerate(base):
        parts += before.get(at, [])
        parts.append(replaced.get(at, segment.text))
    parts += before.get(len(base), [])
    return "\n\n\n".join([_preamble(edits, changes), *(part for part in parts if part)]) + "\n"


def _next_place(changes: Sequence[Segment], places: dict[str, int], end: int) -> int:
    """Where a new statement goes: before the next one that the solution has as well."""
    return next((places[change.name] for change in changes if change.name in places), end)


def _preamble(text: str, found: Sequence[Segment]) -> str:
    """What stands above the first segment."""
    lines = text.splitlines()
    return "\n".join(lines[: found[0].first] if found else lines).strip()


def segments(text: str) -> Iterator[Segment]:
    """The statements of the top level, without the module's docstring."""
    lines = text.splitlines()
    # Comments at the very top are a submission's header, not the first statement's.
    end = next((at for at, line in enumerate(lines) if not line.startswith("#")), len(lines))
    for node in ast.parse(text).body:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            end = node.end_lineno or node.lineno
            continue
        decorators = getattr(node, "decorator_list", [])
        first = min(part.lineno for part in (node, *decorators)) - 1
        while first > end and lines[first - 1].startswith("#"):
            first -= 1
        end = node.end_lineno or node.lineno
        yield Segment(_name(node), "\n".join(lines[first:end]), first, end)


def _name(node: ast.stmt) -> str:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return node.name
    if isinstance(node, ast.Import | ast.ImportFrom):
        return f"import {node.names[0].asname or node.names[0].name}"
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return targets[0].id if isinstance(targets[0], ast.Name) else ""
