"""The rules for one node of a submission; each finding says what, where and why."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from grader.policy import allowed
from grader.policy.finding import Finding
from grader.policy.modules import COMPUTE, Verdict, import_verdict, path_verdict
from grader.policy.names import Names, literal_attribute
from grader.policy.walk import Place


class Rules:
    """The rules for the nodes of one file, asked from the outside of an expression inwards."""

    def __init__(
        self, names: Names, imports: tuple[str, ...], kernels: set[str], methods: set[str]
    ) -> None:
        """Take what is known of the whole file.

        Args:
            names: Its names.
            imports: Modules that the lesson allows beyond the usual ones.
            kernels: Names of its kernels.
            methods: Names of the methods of its own classes.
        """
        self._names = names
        self._imports = imports
        self._kernels = kernels
        self._methods = methods
        self._called: set[int] = set()  # what a call calls
        self._inner: set[int] = set()  # what stands before a dot
        self._named: set[int] = set()  # what is fine to name: compared, asked for an attribute
        self._node: ast.AST = ast.Pass()
        self._place = Place()
        self._rules: dict[type[ast.AST], Callable[[Any], Iterable[Finding]]] = {
            ast.Import: self._import,
            ast.ImportFrom: self._import,
            ast.Attribute: self._attribute,
            ast.Name: self._name,
            ast.Call: self._call,
            ast.Compare: self._compared,
            ast.FunctionDef: self._definition,
            ast.AsyncFunctionDef: self._definition,
            ast.ClassDef: self._class,
            ast.Subscript: self._subscript,
            ast.MatchClass: self._captured,
            ast.BinOp: self._operator,
            ast.AugAssign: self._operator,
        }

    def findings(self, node: ast.AST, place: Place) -> Iterable[Finding]:
        """What the rules say of a node; its parents must have been asked about before."""
        rule = self._rules.get(type(node))
        if rule is None:
            return ()
        self._node, self._place = node, place
        return rule(node)

    def _import(self, node: ast.Import | ast.ImportFrom) -> Iterator[Finding]:
        origin = "" if isinstance(node, ast.Import) else "." * node.level + (node.module or "")
        for alias in node.names:
            told = f"from {origin} import {alias.name}" if origin else f"import {alias.name}"
            whole = f"{origin}.{alias.name}" if origin else alias.name
            verdict = import_verdict(origin or alias.name, self._imports)
            if verdict is None and alias.name == "*":
                why = "Name what you use of it, so that it can be read."
                verdict = Verdict("forbidden-import", why)
            if verdict is None and origin:
                inner = path_verdict(whole)
                verdict = inner if inner and inner.operation is None else None
            if verdict is None and self._place.in_class:
                verdict = Verdict("forbidden-import", "Import at the top of the file.")
            if verdict is not None:
                yield self._finding(verdict.kind, told, verdict.why)

    def _name(self, node: ast.Name) -> Iterator[Finding]:
        if _is_dunder(node.id):
            stored = not isinstance(node.ctx, ast.Load)
            known = allowed.DUNDER_CONSTANTS if stored else allowed.DUNDER_NAMES
            if node.id not in known and node.id not in allowed.BUILTINS:
                why = "It belongs to Python itself. Use a name of your own."
                yield self._finding("forbidden-attribute", node.id, why)
        if isinstance(node.ctx, ast.Load) and id(node) not in self._inner:
            yield from self._paths(node)

    def _attribute(self, node: ast.Attribute) -> Iterator[Finding]:
        if id(node) in self._inner:
            return  # its whole chain has been looked at
        chain, root = [node], node.value
        while isinstance(root, ast.Attribute):
            self._inner.add(id(root))
            chain.append(root)
            root = root.value
        self._inner.add(id(root))
        for part, following in zip(chain, ["", *(each.attr for each in chain)], strict=False):
            yield from self._reached(part.attr, following)
        if not isinstance(node.ctx, ast.Load):
            yield from self._assigned(node)
            return
        if isinstance(root, ast.Name) and root.id in self._kernels:
            yield from self._bare(chain[-1])
        if self._names.paths(node):
            yield from self._paths(node)
        else:
            for part in chain:
                called = part is node and id(node) in self._called
                yield from self._method(part.attr, called=called)

    def _reached(self, name: str, following: str = "") -> Iterator[Finding]:
        """An attribute of whatever it may be."""
        harmless = allowed.DUNDER_ATTRIBUTES
        if name == "__class__" and following in ("__name__", "__qualname__"):
            return
        if name in allowed.FRAMES or (_is_dunder(name) and name not in harmless):
            why = "It leads into Python itself. A submission does without it."
            yield self._finding("forbidden-attribute", f".{name}", why)
        if name in allowed.HOOKS:
            why = "What a call does must stand in its lines. Do without hooks and inner parts."
            yield self._finding("forbidden-attribute", f".{name}", why)

    def _bare(self, node: ast.Attribute) -> Iterator[Finding]:
        if node.attr in allowed.BARE_KERNEL:
            why = "It runs a kernel as a function of Python. Launch it: kernel[grid](...)."
            yield self._finding("forbidden-attribute", _told(node), why)

    def _assigned(self, node: ast.Attribute) -> Iterator[Finding]:
        if self._names.paths(node.value):
            yield self._finding("patched-module", f"{_told(node)} = …", _PATCHED)
        elif isinstance(node.value, ast.Name) and node.value.id in self._kernels:
            why = "Kernels stay as they are defined. Write what is meant into the kernel."
            yield self._finding("patched-kernel", f"{_told(node)} = …", why)

    def _subscript(self, node: ast.Subscript) -> Iterator[Finding]:
        if not isinstance(node.ctx, ast.Load) and self._names.paths(node.value):
            yield self._finding("patched-module", f"{_told(node.value)}[…] = …", _PATCHED)

    def _call(self, node: ast.Call) -> Iterator[Finding]:
        self._called.add(id(node.func))
        reached = literal_attribute(node)
        if reached is None or self._names.paths(node.func) - _ASKING:
            return
        self._named |= {id(node.func), id(node.args[0])}
        name = reached[1]
        if "builtins.hasattr" in self._names.paths(node.func):
            return
        yield from self._reached(name)
        if self._names.paths(node):
            yield from self._judged(node)
        else:
            yield from self._method(name, called=True)

    def _paths(self, node: ast.Name | ast.Attribute) -> Iterator[Finding]:
        if id(node) not in self._named:
            yield from self._judged(node)

    def _judged(self, node: ast.expr) -> Iterator[Finding]:
        for path in sorted(self._names.paths(node)):
            verdict = path_verdict(path)
            if verdict is None and (path in allowed.IMPORTS or self._names.is_module(path)):
                why = f"Write what you need of the module: {path}.name."
                verdict = Verdict("module-as-value", why)
            if verdict is not None:
                told = _told(node)
                shown = told if path in (told, f"builtins.{told}") else f"{told} ({path})"
                yield self._finding(verdict.kind, shown, verdict.why, verdict.operation)
                return

    def _method(self, name: str, *, called: bool) -> Iterator[Finding]:
        base = name.removesuffix("_")
        computes = base in allowed.METHODS or (name != base and base in allowed.IN_PLACE)
        if not called and base == name and base in allowed.FIELDS:
            return
        is_tritons = self._place.in_kernel and base in allowed.KERNEL_METHODS
        if computes and name not in self._methods and not is_tritons:
            yield self._finding("torch-instead-of-kernel", f".{name}()", COMPUTE, base)

    def _compared(self, node: ast.Compare) -> Iterable[Finding]:
        self._named |= {id(part) for part in (node.left, *node.comparators)}
        return ()

    def _operator(self, node: ast.BinOp | ast.AugAssign) -> Iterator[Finding]:
        if isinstance(node.op, ast.MatMult) and not self._place.in_kernel:
            yield self._finding("torch-instead-of-kernel", "@", COMPUTE, "matmul")

    def _definition(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[Finding]:
        if _is_dunder(node.name) and node.name not in allowed.DUNDER_METHODS:
            why = "Python calls it behind the scenes. Give it a name of your own."
            yield self._finding("forbidden-attribute", f"def {node.name}", why)

    def _class(self, node: ast.ClassDef) -> Iterator[Finding]:
        if any("torch.Tensor" in self._names.paths(base) for base in node.bases):
            why = "What computes must be plain to see. Give out plain tensors."
            yield self._finding("forbidden-class", f"class {node.name}(torch.Tensor)", why)

    def _captured(self, node: ast.MatchClass) -> Iterator[Finding]:
        for name in node.kwd_attrs:
            yield from self._reached(name)
            yield from self._method(name, called=False)

    def _finding(self, kind: str, what: str, why: str, operation: str | None = None) -> Finding:
        line = getattr(self._node, "lineno", 1)
        return Finding(kind, line, what, why, self._place.at_import, operation)


_ASKING = {"builtins.getattr", "builtins.hasattr"}
_PATCHED = "It changes a module for all that runs after. Modules stay as they are."


def _told(node: ast.expr) -> str:
    """An expression as the file has it, as far as it is short."""
    try:
        text = ast.unparse(node).split("\n")[0]
    except RecursionError:
        text = "…"
    return text if len(text) <= 60 else f"{text[:57]}…"


def _is_dunder(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")
