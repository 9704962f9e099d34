"""Turns the source of a ``@triton.jit`` function into one that Python executes as a GPU would.

Triton's compiler gives several Python constructs another meaning: ``and`` of two blocks works
lane by lane, the variable of a ``for`` loop is an int32 tensor, an assigned number becomes a
tensor. Each visitor below replaces one such construct by a call into ``semantics``. Line
numbers stay those of the student's file. Knows nothing about launches or memory.
"""

from __future__ import annotations

import ast
import sys
import textwrap
from collections.abc import Callable
from types import CodeType, FunctionType
from typing import Any

from grader.worker.interpreter.semantics import RUNTIME

# The only name that a rewritten function adds to its module.
RUNTIME_NAME = "__interpreter__"

_COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Lt: "lt",
    ast.LtE: "le",
    ast.Gt: "gt",
    ast.GtE: "ge",
    ast.Eq: "eq",
    ast.NotEq: "ne",
}


def rewrite(jit: Any) -> Callable[..., Any]:
    """The executable body of a JITFunction, remembered in it."""
    # Its own __dict__, since hashing a JITFunction would compute a cache key.
    body: Callable[..., Any] | None = jit.__dict__.get("_interpreted_body")
    if body is None:
        body = jit.__dict__["_interpreted_body"] = _build(jit.fn, jit)
    return body


def _build(function: FunctionType, jit: Any) -> Callable[..., Any]:
    source = textwrap.dedent("".join(jit.raw_src))
    module = ast.parse(source)
    definition = module.body[0]
    if not isinstance(definition, ast.FunctionDef):
        raise TypeError(f"{function.__qualname__} is no plain function")
    captured = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
    visible = function.__globals__.keys() | captured.keys()
    _strip(definition)
    file, first_line = function.__code__.co_filename, jit.starting_line_number
    visitor = GpuMeaning(visible, file, first_line)
    definition.body = [visitor.visit(node) for node in definition.body]
    module.body = [_with_captured(definition, list(captured))]
    ast.fix_missing_locations(module)
    ast.increment_lineno(module, first_line - 1)
    code = compile(module, file, "exec", dont_inherit=True)
    rewritten = _define(code, function, [cell.cell_contents for cell in captured.values()])
    rewritten.__defaults__ = function.__defaults__
    rewritten.__kwdefaults__ = function.__kwdefaults__
    return rewritten


def _strip(definition: ast.FunctionDef) -> None:
    """Drop what would be evaluated again: decorators, annotations, defaults."""
    definition.decorator_list = []
    definition.returns = None
    arguments = definition.args
    placeholder = ast.Constant(None)
    arguments.defaults = [placeholder for _ in arguments.defaults]
    arguments.kw_defaults = [default and placeholder for default in arguments.kw_defaults]
    for argument in arguments.posonlyargs + arguments.args + arguments.kwonlyargs:
        argument.annotation = None


def _with_captured(definition: ast.FunctionDef, names: list[str]) -> ast.stmt:
    """Wrap a function that reads variables of an enclosing one, so that they are found."""
    if not names:
        return definition
    parameters = ast.arguments(
        posonlyargs=[],
        args=[ast.arg(name) for name in names],
        kwonlyargs=[],
        kw_defaults=[],
        defaults=[],
    )
    result = ast.Return(ast.Name(definition.name, ast.Load()))
    factory = ast.FunctionDef(
        name=definition.name, args=parameters, body=[definition, result], decorator_list=[]
    )
    if sys.version_info >= (3, 12):
        factory.type_params = []
    return factory


def _define(code: CodeType, function: FunctionType, captured: list[Any]) -> FunctionType:
    scope = function.__globals__
    scope[RUNTIME_NAME] = RUNTIME
    local: dict[str, Any] = {}
    exec(code, scope, local)
    defined: FunctionType = local[function.__name__]
    return defined(*captured) if function.__closure__ else defined


def _call(method: str, *args: ast.expr) -> ast.Call:
    runtime = ast.Name(RUNTIME_NAME, ast.Load())
    return ast.Call(ast.Attribute(runtime, method, ast.Load()), list(args), [])


def _later(expression: ast.expr) -> ast.Lambda:
    empty = ast.arguments(posonlyargs=[], args=[], kwonlyargs=[], kw_defaults=[], defaults=[])
    return ast.Lambda(empty, expression)


class GpuMeaning(ast.NodeTransformer):
    """Replaces constructs that Python and Triton's compiler understand differently.

    Args:
        visible: Names of the function's globals and captured variables; these are not the
            Python built-ins that the compiler maps to its own.
        file: Where the function is defined.
        first_line: Line of its first decorator there.
    """

    def __init__(self, visible: set[str], file: str, first_line: int) -> None:
        self._visible = visible
        self._file = file
        self._first_line = first_line

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        """``x = 0`` makes a tensor."""
        if len(node.targets) > 1:
            place = (self._file, self._first_line + node.lineno - 1, None, None)
            raise SyntaxError("a = b = … cannot be compiled, use two lines", place)
        self.generic_visit(node)
        node.value = _call("assigned", node.value)
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        """``x: tl.constexpr = 0`` stays a number; any other annotation changes nothing."""
        self.generic_visit(node)
        if node.value is not None and "constexpr" not in ast.unparse(node.annotation):
            node.value = _call("assigned", node.value)
        return node

    def visit_For(self, node: ast.For) -> ast.AST:
        """``for i in range(n)`` makes ``i`` an int32 or int64 tensor, which wraps around."""
        self.generic_visit(node)
        call = node.iter
        if isinstance(call, ast.Call) and self._is_builtin(call.func, "range"):
            node.iter = _call("loop", *call.args)
        return node

    def visit_If(self, node: ast.If) -> ast.AST:
        """``if`` takes a scalar."""
        self.generic_visit(node)
        node.test = _call("condition", node.test)
        return node

    def visit_While(self, node: ast.While) -> ast.AST:
        """``while`` takes a scalar."""
        self.generic_visit(node)
        node.test = _call("condition", node.test)
        return node

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        """``a if condition else b`` takes a scalar."""
        self.generic_visit(node)
        node.test = _call("condition", node.test)
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """``min`` and ``max`` work lane by lane."""
        self.generic_visit(node)
        for name, method in (("min", "minimum"), ("max", "maximum")):
            if self._is_builtin(node.func, name) and not node.keywords:
                return _call(method, *node.args)
        return node

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        """``and`` and ``or`` work lane by lane and evaluate all tensor operands."""
        self.generic_visit(node)
        method = "conjunction" if isinstance(node.op, ast.And) else "disjunction"
        return _call(method, *map(_later, node.values))

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        """``not`` works lane by lane."""
        self.generic_visit(node)
        return _call("negation", node.operand) if isinstance(node.op, ast.Not) else node

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        """``a < b < c`` works lane by lane, where it compiles at all (Triton 3.9)."""
        self.generic_visit(node)
        names = [_COMPARISONS.get(type(op)) for op in node.ops]
        if len(names) == 1 or None in names:
            return node
        operands = ast.Tuple([node.left, *node.comparators], ast.Load())
        return _call("chain", operands, ast.Tuple([ast.Constant(n) for n in names], ast.Load()))

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        """``assert`` holds if it does in all lanes."""
        self.generic_visit(node)
        message = _later(node.msg or ast.Constant("assertion failed"))
        return ast.copy_location(ast.Expr(_call("assertion", node.test, message)), node)

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        """A call whose result nobody uses says so: an atomic of this kind orders nothing."""
        self.generic_visit(node)
        if isinstance(node.value, ast.Call):
            node.value = _call("unused", node.value)
        return node

    def _is_builtin(self, function: ast.expr, name: str) -> bool:
        return isinstance(function, ast.Name) and function.id == name and name not in self._visible
