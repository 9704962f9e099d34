"""What the names of a file stand for: modules, and what is in them, under whatever alias.

Follows Python's scopes. A name counts as what an import or a plain assignment makes it; of what
comes back from calls and out of containers nothing is known. Knows no rules.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator
from dataclasses import dataclass, field

from grader.definitions import children

_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_NAMED = (
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.ExceptHandler,
    ast.MatchAs,
    ast.MatchStar,
    ast.MatchMapping,
)
_Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp

# What a name is bound to: a dotted path, an expression to be looked at, or something unknown.
_Binding = str | ast.expr | None

_MOST_STEPS = 20  # from an alias to the next; more is nobody's honest code


@dataclass
class _Scope:
    """The names of a module, a class, a function or a comprehension.

    Attributes:
        parent: The scope around it.
        is_class: Whether functions inside do not see its names.
        bound: What each of its names is bound to, by every statement that binds it.
        elsewhere: Names that ``global`` and ``nonlocal`` give to a scope further out.
    """

    parent: _Scope | None
    is_class: bool = False
    is_comprehension: bool = False
    bound: dict[str, dict[_Binding, None]] = field(default_factory=dict)
    elsewhere: dict[str, bool] = field(default_factory=dict)

    def bind(self, name: str, binding: _Binding = None) -> None:
        self.bound.setdefault(name, {})[binding] = None


class Names:
    """The scopes of a file, and what each name in it stands for.

    Attributes:
        methods: Names of the methods that the file's own classes define.
    """

    def __init__(self, tree: ast.Module) -> None:
        self.methods: set[str] = set()
        self._module = _Scope(None)
        self._scopes: dict[int, _Scope] = {}  # of each Name node, by id
        self._modules: set[str] = set()
        self._known: dict[tuple[int, str], frozenset[str]] = {}
        self._read(tree)

    def paths(self, node: ast.expr) -> frozenset[str]:
        """Dotted paths that an expression may stand for: ``torch.nn.functional.relu``.

        Builtins begin with ``builtins.``; empty if the expression is none of a module.
        """
        root, below = _root(node)
        if not isinstance(root, ast.Name):
            found = self._looked_up(root)
        else:
            key = (id(self._scopes.get(id(root))), root.id)
            if key not in self._known:
                self._known[key] = self._looked_up(root)
            found = self._known[key]
        return frozenset(".".join((path, *below)) for path in found) if below else found

    def _looked_up(self, node: ast.expr) -> frozenset[str]:
        found: set[str] = set()
        seen: set[int] = set()
        waiting: list[tuple[ast.expr, tuple[str, ...]]] = [(node, ())]
        while waiting and len(seen) < _MOST_STEPS:
            value, suffix = waiting.pop()
            if id(value) in seen:
                continue
            seen.add(id(value))
            root, below = _root(value)
            suffix = (*below, *suffix)
            reached = literal_attribute(root)
            if isinstance(root, ast.Name):
                for binding in self._bindings(root)[:_MOST_STEPS]:
                    if isinstance(binding, str):
                        found.add(".".join((binding, *suffix)))
                    elif binding is not None:
                        waiting.append((binding, suffix))
            elif reached is not None:
                call, name = reached
                waiting.append((call.args[0], (name, *suffix)))
            else:
                waiting += [(part, suffix) for part in _values(root)]
        return frozenset(found)

    def of_module(self, node: ast.Name) -> bool:
        """Whether a name is one of the file's top, not of a function around it."""
        scope = self._scopes.get(id(node))
        while scope is not None and scope is not self._module:
            if scope.elsewhere.get(node.id):
                return True
            if node.id in scope.bound and node.id not in scope.elsewhere and not scope.is_class:
                return False
            scope = scope.parent
        return True

    def is_module(self, path: str) -> bool:
        """Whether a statement of the file imports a module of that path."""
        return path in self._modules

    def _bindings(self, node: ast.Name) -> list[_Binding]:
        scope = self._scopes.get(id(node))
        innermost, found = scope, list[_Binding]()
        while scope is not None:
            if scope is innermost or not scope.is_class:
                if scope.elsewhere.get(node.id):  # global
                    scope = self._module
                if node.id in scope.bound and node.id not in scope.elsewhere:
                    found += scope.bound[node.id]
                    if not scope.is_class:  # its names may come from further out before
                        return found
            scope = scope.parent
        return [*found, f"builtins.{node.id}"] if hasattr(builtins, node.id) else found

    def _read(self, tree: ast.Module) -> None:
        waiting: list[tuple[ast.AST, _Scope]] = [(tree, self._module)]
        while waiting:
            node, scope = waiting.pop()
            self._note(node, scope)
            waiting += _parts(node, scope)

    def _note(self, node: ast.AST, scope: _Scope) -> None:
        """Keep what a node itself binds, and where it stands."""
        if isinstance(node, ast.Name):
            self._scopes[id(node)] = scope
            if not isinstance(node.ctx, ast.Load):
                self._bind(scope, node.id)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                root = alias.name.partition(".")[0]
                self._modules |= {root, alias.name}
                self._bind(scope, alias.asname or root, alias.name if alias.asname else root)
        elif isinstance(node, ast.ImportFrom):
            origin = "." * node.level + (node.module or "")
            for alias in node.names:
                self._bind(scope, alias.asname or alias.name, f"{origin}.{alias.name}")
        elif isinstance(node, ast.Global | ast.Nonlocal) and scope is not self._module:
            for name in node.names:
                scope.elsewhere[name] = isinstance(node, ast.Global)
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                if isinstance(target, ast.Name) and node.value is not None:
                    self._bind(_around(scope, node), target.id, node.value)
        elif isinstance(node, ast.arg):
            scope.bind(node.arg)
        else:
            for name in named_by(node):
                self._bind(scope, name)
            if scope.is_class and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                self.methods.add(node.name)

    def _bind(self, scope: _Scope, name: str, binding: _Binding = None) -> None:
        """Note a binding, in the module where ``global`` says so."""
        if scope.elsewhere.get(name):
            scope = self._module
        scope.bind(name, binding)


def literal_attribute(node: ast.AST) -> tuple[ast.Call, str] | None:
    """The call and the name of ``getattr(value, "name")``, where the name is written out."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
        return None
    if node.func.id not in ("getattr", "hasattr") or len(node.args) < 2 or node.keywords:
        return None
    name = node.args[1]
    if isinstance(node.args[0], ast.Starred) or not isinstance(name, ast.Constant):
        return None
    return (node, name.value) if isinstance(name.value, str) else None


def _root(node: ast.expr) -> tuple[ast.expr, tuple[str, ...]]:
    """What the dots of ``root.a.b`` begin at, and the names behind them."""
    below: list[str] = []
    while isinstance(node, ast.Attribute):
        below.append(node.attr)
        node = node.value
    return node, tuple(reversed(below))


def _values(node: ast.expr) -> list[ast.expr]:
    """The expressions that an expression may come out as, where that is plain to see."""
    if isinstance(node, ast.IfExp):
        return [node.body, node.orelse]
    if isinstance(node, ast.BoolOp):
        return node.values
    if isinstance(node, ast.NamedExpr):
        return [node.value]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Lambda):
        return [node.func.body]
    return []


def _around(scope: _Scope, node: ast.AST) -> _Scope:
    """Where an assignment binds: a walrus does so outside of comprehensions."""
    while isinstance(node, ast.NamedExpr) and scope.is_comprehension and scope.parent:
        scope = scope.parent
    return scope


def _parts(node: ast.AST, scope: _Scope) -> list[tuple[ast.AST, _Scope]]:
    """What a node consists of, each part with the scope that it stands in; the last one first."""
    parts = children(node)[::-1]
    if not isinstance(node, _Function | ast.ClassDef | _Comprehension):
        return [(part, scope) for part in parts]
    inner = _Scope(scope, isinstance(node, ast.ClassDef), isinstance(node, _Comprehension))
    inside: list[ast.AST] = parts
    outside: list[ast.AST] = []
    if isinstance(node, _Function):
        body = [node.body] if isinstance(node, ast.Lambda) else node.body
        inside = [*body[::-1], *_parameters(node.args)]
        chosen = {id(part) for part in (*body, node.args)}
        outside = [part for part in parts if id(part) not in chosen] + _defaults(node.args)
    elif isinstance(node, ast.ClassDef):
        inside = list(node.body[::-1])
        chosen = {id(part) for part in inside}
        outside = [part for part in parts if id(part) not in chosen]
    return [(part, inner) for part in inside] + [(part, scope) for part in outside]


def _parameters(arguments: ast.arguments) -> list[ast.arg]:
    rest = [each for each in (arguments.vararg, arguments.kwarg) if each is not None]
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *rest]


def _defaults(arguments: ast.arguments) -> list[ast.AST]:
    return [*arguments.defaults, *(each for each in arguments.kw_defaults if each is not None)]


def named_by(node: ast.AST) -> Iterator[str]:
    """The name that a node binds as plain text: definitions, ``except``, ``case``."""
    name = getattr(node, "rest" if isinstance(node, ast.MatchMapping) else "name", None)
    if isinstance(node, _NAMED) and name:
        yield name
