"""Where a solution file says what students are to write, checked strictly.

Owns the meaning of ``### BEGIN SOLUTION`` and ``### END SOLUTION``. nbgrader, which cuts the
regions out, forgives much: it drops an END without a BEGIN, takes a marker in the middle of a
line, and knows nothing of Python's blocks. A mistake there would hand out part of a solution.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from grader.errors import SolutionMarkersError

BEGIN = "### BEGIN SOLUTION"
END = "### END SOLUTION"

# What nbgrader reacts to, anywhere in a line.
_LOOSE = re.compile(r"BEGIN SOLUTION|END SOLUTION")
_STRICT = re.compile(r"( *)(### BEGIN SOLUTION|### END SOLUTION)")


@dataclass(frozen=True)
class Region:
    """One part of a solution that students are to write themselves.

    Attributes:
        begin: Line of the BEGIN marker, 1-based.
        end: Line of the END marker.
        function: The innermost function around it.
    """

    begin: int
    end: int
    function: ast.FunctionDef

    def holds(self, line: int) -> bool:
        """Whether a line lies within the region, markers excluded."""
        return self.begin < line < self.end


@dataclass(frozen=True)
class _Marker:
    line: int
    indent: int
    text: str


def solution_regions(source: str, path: Path) -> list[Region]:
    """The regions of a solution file, in its order.

    Args:
        source: Text of the file.
        path: Where it lies, for messages.

    Raises:
        SolutionMarkersError: The file is not Python, a marker is misplaced, or a region is no
            whole part of one function.
    """
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        raise SolutionMarkersError(
            f"{path}:{error.lineno}", f"this is not Python: {error.msg}.", "Mend the line."
        ) from error
    pairs = _paired(list(_markers(source, path)), path)
    return [_region(tree, begin, end, path) for begin, end in pairs]


def _markers(source: str, path: Path) -> Iterator[_Marker]:
    for number, line in enumerate(source.split("\n"), start=1):
        if not _LOOSE.search(line):
            continue
        match = _STRICT.fullmatch(line.rstrip())
        if match is None:
            raise SolutionMarkersError(
                f"{path}:{number}",
                f"a marker must stand alone on its line, as {BEGIN!r} or {END!r}, not as "
                f"{line.strip()!r}.",
                "Put it on a line of its own, or word the comment differently.",
            )
        yield _Marker(number, len(match[1]), match[2])


def _paired(markers: Sequence[_Marker], path: Path) -> list[tuple[_Marker, _Marker]]:
    """BEGIN and END by turns, starting with BEGIN and ending with END."""
    if markers and markers[0].text == END:
        raise _orphan_end(markers[0], path)
    for one, following in pairwise(markers):
        if one.text == following.text == BEGIN:
            raise SolutionMarkersError(
                f"{path}:{following.line}",
                f"a second {BEGIN!r} inside the region that begins in line {one.line}; "
                "regions cannot be nested.",
                f"Close the first with {END!r}, or remove this one.",
            )
        if one.text == following.text == END:
            raise _orphan_end(following, path)
    if markers and markers[-1].text == BEGIN:
        raise SolutionMarkersError(
            f"{path}:{markers[-1].line}",
            f"this region has no {END!r}.",
            f"Put {END!r} after its last line.",
        )
    return list(zip(markers[::2], markers[1::2], strict=True))


def _orphan_end(marker: _Marker, path: Path) -> SolutionMarkersError:
    return SolutionMarkersError(
        f"{path}:{marker.line}",
        f"{END!r} without a {BEGIN!r} before it: all above it would be handed out.",
        f"Put {BEGIN!r} before the first line of the solution, or remove this marker.",
    )


def _region(tree: ast.Module, begin: _Marker, end: _Marker, path: Path) -> Region:
    where = f"{path}:{begin.line}"
    inside = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.stmt) and begin.line < node.lineno < end.line
    ]
    if all(isinstance(node, ast.Pass) for node in inside):
        raise SolutionMarkersError(
            where, "the region holds no statement.", "Write the solution in it, or remove it."
        )
    first = min(inside, key=lambda node: node.lineno)
    function = _innermost_function(tree, first)
    if function is None:
        raise SolutionMarkersError(
            where,
            "the region lies outside any function; students fill in bodies of functions.",
            "Move the markers into the function, or give the code to the students.",
        )
    _require_whole_block(tree, inside, begin, end, path)
    _require_indent(first.col_offset, begin, end, path)
    return Region(begin.line, end.line, function)


def _innermost_function(tree: ast.Module, statement: ast.stmt) -> ast.FunctionDef | None:
    around = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        and node.lineno < statement.lineno <= (node.end_lineno or node.lineno)
    ]
    return max(around, key=lambda node: node.lineno, default=None)


def _require_whole_block(
    tree: ast.Module, inside: Sequence[ast.stmt], begin: _Marker, end: _Marker, path: Path
) -> None:
    """A region must be one run of neighbouring statements in one block."""
    block_of = _blocks(tree)
    outermost = {block_of[node] for node in inside if block_of[node][0] not in inside}
    cut = [
        node
        for node in block_of
        if (node in inside and (node.end_lineno or 0) > end.line)
        or (not hasattr(node, "body") and node.lineno < begin.line < (node.end_lineno or 0))
    ]
    if cut or len(outermost) > 1:
        line = min((node.lineno for node in cut), default=begin.line)
        raise SolutionMarkersError(
            f"{path}:{line}",
            f"the region of lines {begin.line}-{end.line} cuts a statement or a block in two.",
            "Put both markers before and after whole statements of one block.",
        )


def _blocks(tree: ast.Module) -> dict[ast.stmt, tuple[ast.AST, str]]:
    """The block that each statement is in: its parent, and which of the parent's blocks."""
    return {
        child: (node, field)
        for node in ast.walk(tree)
        for field, value in ast.iter_fields(node)
        if isinstance(value, list)
        for child in value
        if isinstance(child, ast.stmt)
    }


def _require_indent(expected: int, begin: _Marker, end: _Marker, path: Path) -> None:
    for marker in (begin, end):
        if marker.indent != expected:
            raise SolutionMarkersError(
                f"{path}:{marker.line}",
                f"{marker.text!r} is indented by {marker.indent} spaces, the statements of its "
                f"region by {expected}.",
                "Indent the marker as the statements: the stub is put there.",
            )
