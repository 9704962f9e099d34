"""What a whole file does against the rules, and which of its functions that concerns.

A file is read as units, the statements of its top. What runs at import concerns every graded
function; what stands in a function concerns those that come to it by name.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from grader.definitions import Definition, flat, reachable
from grader.policy.finding import Finding
from grader.policy.names import Names, named_by
from grader.policy.rules import Rules
from grader.policy.walk import Place, is_kernel, walk


@dataclass
class Unit:
    """One statement of the file's top, without the blocks inside.

    Attributes:
        binds: Names that it gives a meaning to, or adds to.
        refers: Names of the file's top that it mentions.
        at_import: Those of them that it mentions where it runs at import.
        findings: What it does against the rules.
    """

    binds: set[str] = field(default_factory=set)
    refers: set[str] = field(default_factory=set)
    at_import: set[str] = field(default_factory=set)
    findings: list[Finding] = field(default_factory=list)


class Analysis:
    """All findings of a file, ready to be asked about one graded function after another."""

    def __init__(self, tree: ast.Module, imports: tuple[str, ...], with_backward: bool) -> None:
        names = Names(tree)
        statements = list(flat(_executed(tree.body)))
        kernels = {
            each.name
            for each in statements
            if isinstance(each, ast.FunctionDef) and is_kernel(each, names)
        }
        rules = Rules(names, imports, kernels, names.methods)
        self._units = [_unit(each, names, rules, with_backward) for each in statements]
        self._refers: dict[str, set[str]] = {}
        for unit in self._units:
            for name in unit.binds:
                self._refers.setdefault(name, set()).update(unit.refers)
        mentioned = {name for unit in self._units for name in unit.at_import}
        self._imported = reachable(mentioned, self._refers)

    def of(self, roots: tuple[str, ...], operations: frozenset[str]) -> list[Finding]:
        """What is found in code that concerns these functions, in the order of the lines.

        What no permission would make right comes before what a kernel should compute.

        Args:
            roots: Names of a graded function and its kernels.
            operations: Operations of torch that it may use.
        """
        reached = reachable(roots, self._refers)
        found = [
            finding
            for unit in self._units
            for finding in unit.findings
            if self._concerns(finding, unit, reached, operations)
        ]
        return sorted(found, key=lambda each: (each.operation is not None, each.line))

    def _concerns(
        self, finding: Finding, unit: Unit, reached: set[str], operations: frozenset[str]
    ) -> bool:
        if not unit.binds.isdisjoint(reached):
            return finding.operation is None or finding.operation not in operations
        if finding.operation is not None:  # nothing is computed of inputs yet
            return False
        return finding.at_import or not unit.binds.isdisjoint(self._imported)


def _executed(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a file that an import runs: not what a script does for itself."""
    for statement in body:
        if isinstance(statement, ast.If) and _is_main(statement.test):
            yield from statement.orelse
        else:
            yield statement


def _is_main(test: ast.expr) -> bool:
    """Whether a condition is ``__name__ == "__main__"``."""
    if not (isinstance(test, ast.Compare) and len(test.ops) == 1):
        return False
    sides = (test.left, test.comparators[0])
    names = [side.id for side in sides if isinstance(side, ast.Name)]
    values = [side.value for side in sides if isinstance(side, ast.Constant)]
    return isinstance(test.ops[0], ast.Eq) and names == ["__name__"] and values == ["__main__"]


def _unit(statement: ast.stmt, names: Names, rules: Rules, with_backward: bool) -> Unit:
    unit = Unit(_bound_by_name(statement))
    if _is_handed_on(statement, names):
        unit.at_import |= unit.binds
    for node, place in walk(statement, names, with_backward):
        if isinstance(node, ast.Name):
            _note_name(unit, node, names, place)
        elif isinstance(node, ast.Global):
            unit.binds |= set(node.names)
        elif isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
            unit.binds |= _changed(node, names)
        elif isinstance(node, ast.Call) and place.at_import:
            unit.binds |= _changed(node.func, names)
        elif place.at_import:
            unit.binds |= set(named_by(node))
        for finding in rules.findings(node, place):
            if finding.operation is None or not place.in_annotation:
                unit.findings.append(finding)
    return unit


def _note_name(unit: Unit, node: ast.Name, names: Names, place: Place) -> None:
    if not names.of_module(node):
        return
    if isinstance(node.ctx, ast.Load):
        unit.refers.add(node.id)
        if place.at_import and not place.in_annotation:
            unit.at_import.add(node.id)
    else:
        unit.binds.add(node.id)


def _bound_by_name(statement: ast.stmt) -> set[str]:
    """Names that a statement binds as plain text."""
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return {alias.asname or alias.name.partition(".")[0] for alias in statement.names}
    return {statement.name} if isinstance(statement, Definition) else set()


def _is_handed_on(statement: ast.stmt, names: Names) -> bool:
    """Whether a decorator of the file's own gets a definition, and may call it at once."""
    decorators = statement.decorator_list if isinstance(statement, Definition) else []
    called = (each.func if isinstance(each, ast.Call) else each for each in decorators)
    return not all(names.paths(each) for each in called)


def _changed(node: ast.expr, names: Names) -> set[str]:
    """The name of the file's top whose value ``name.attribute``, ``name[...]`` belongs to."""
    if not isinstance(node, ast.Attribute | ast.Subscript):
        return set()
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    is_known = isinstance(node, ast.Name) and names.of_module(node) and not names.paths(node)
    return {node.id} if isinstance(node, ast.Name) and is_known else set()
