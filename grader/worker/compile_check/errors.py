"""From what the compiler raises or prints to the student's line and the essential words.

Triton's errors carry the source of the function that they are about and a line within it; an
error inside a nested function comes wrapped in one error per caller. Errors that are raised while
Triton looks for what a kernel refers to carry no place at all, those of the later stages stand in
what the process printed. Owns all these shapes.
"""

from __future__ import annotations

import ast
import linecache
import re
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from triton.compiler.errors import CompilationError
from triton.runtime.jit import JITCallable

from grader.worker.compile_check.processes import Outcome
from grader.worker.compile_check.results import CompileError, ErrorKind

LONGEST_MESSAGE = 600
MOST_LINES = 4

# ``/path/sub.py:12:30: error: message`` or ``loc("/path/sub.py":12:30): error: message``.
_DIAGNOSTIC = re.compile(r'(?:loc\()?"?([^\s"():]+)"?:(\d+):\d+\)?: error: (.*)')
_PTXAS_ERROR = re.compile(r"^ptxas.*?(?:error|fatal)\s*:\s*(.*)$", re.MULTILINE)
_REPR = re.compile(r"(\w+)\((.*)\)", re.DOTALL)
# Errors of these types speak of the kernel, in words meant for people.
_PLAIN_ERRORS = ("AssertionError", "RuntimeError", "ValueError")
# How compilers end that have met something impossible. Not SIGKILL, which comes from outside.
_CRASHES = ("SIGABRT", "SIGBUS", "SIGFPE", "SIGILL", "SIGSEGV", "SIGTRAP")
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")


@dataclass(frozen=True)
class _Place:
    """A line of a source file, and the function that it belongs to."""

    file: str
    line: int


def explain(error: BaseException, kernel: Any, printed: str) -> CompileError:
    """Why compiling failed, and where.

    Args:
        error: What ``triton.compile`` raised.
        kernel: The ``JITFunction`` that was compiled.
        printed: What the compiler printed meanwhile.
    """
    if isinstance(error, CompilationError):
        return _of_frontend(error, kernel)
    node, function = _visited(error.__traceback__)
    if node is not None:
        place = _place(function or kernel, node.lineno)
        return _error(_of_reference(error, node), place)
    return _of_later_stages(error, kernel, printed)


def forget_placeholders(error: BaseException) -> None:
    """Undo a failed hash: Triton marks functions that it is hashing, and leaves the mark."""
    traceback = error.__traceback__
    while traceback is not None:
        function = traceback.tb_frame.f_locals.get("self")
        if traceback.tb_frame.f_code.co_name == "cache_key" and isinstance(function, JITCallable):
            function.hash = None
        traceback = traceback.tb_next


def of_launch(error: BaseException, site: tuple[str, int] | None) -> CompileError:
    """Why the arguments and options of a launch cannot be specialised."""
    text = f"KeyError: {error}" if isinstance(error, KeyError) else str(error)
    return _error(text or type(error).__name__, _Place(*site) if site else None)


def at_launch(kind: ErrorKind, message: str, site: tuple[str, int] | None) -> CompileError:
    """An error that the launch's numbers cause, such as a block that is too large."""
    return _error(message, _Place(*site) if site else None, kind)


def of_death(outcome: Outcome, kernel: Any, site: tuple[str, int] | None) -> CompileError:
    """Why a compiling process ended early, as far as its last words say."""
    if outcome.timed_out:
        message = "Triton did not finish compiling this kernel in the time it was given"
        return at_launch(ErrorKind.TIMED_OUT, message, site)
    last_words = _clean(outcome.printed)
    if outcome.death not in _CRASHES:
        message = f"compiling was interrupted ({outcome.death}). {last_words}"
        return at_launch(ErrorKind.INTERRUPTED, message, site)
    found = _diagnostic(outcome.printed)
    message = (
        f"Triton's compiler itself fails on this kernel ({outcome.death}). "
        f"{found[1] if found else last_words}"
    )
    return _error(message, found[0] if found else _place(kernel, 1))


def _of_frontend(error: CompilationError, kernel: Any) -> CompileError:
    """The innermost error says what is wrong; the innermost known function, where."""
    links = list(_causes(error))
    known = {function.src: function for function in _reachable(kernel)}
    place = _place(kernel, 1)
    for link in links:
        function = known.get(getattr(link, "src", None))
        line = getattr(getattr(link, "node", None), "lineno", None)
        if function is not None and line is not None:
            place = _place(function, line)
    texts = [text for link in links if (text := _own_message(link))]
    return _error(texts[-1] if texts else str(error), place)


def _own_message(error: BaseException) -> str:
    if isinstance(error, CompilationError):
        return str(error.error_message or "")
    return str(error)


def _of_reference(error: BaseException, node: ast.expr) -> str:
    if "Unsupported function referenced" in str(error):
        return (
            f"{ast.unparse(node)} is not a Triton function: a kernel can only call functions of "
            "triton.language and other @triton.jit functions"
        )
    return str(error) or type(error).__name__


def _of_later_stages(error: BaseException, kernel: Any, printed: str) -> CompileError:
    found = _diagnostic(printed)
    if found is not None:
        return _error(found[1], found[0])
    ptxas = _PTXAS_ERROR.search(f"{error}\n{printed}")
    return _error(ptxas[1] if ptxas else str(error) or type(error).__name__, _place(kernel, 1))


def _diagnostic(printed: str) -> tuple[_Place, str] | None:
    found = _DIAGNOSTIC.search(printed)
    return (_Place(found[1], int(found[2])), found[3]) if found else None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error, then what caused it, and so on inwards."""
    link: BaseException | None = error
    while link is not None:
        yield link
        link = link.__cause__


def _reachable(kernel: Any) -> Iterator[Any]:
    """The kernel and all functions that its module or an enclosing function knows."""
    yield kernel
    captured = [cell.cell_contents for cell in kernel.fn.__closure__ or ()]
    for value in [*kernel.fn.__globals__.values(), *captured]:
        if isinstance(value, JITCallable):
            yield value
        elif isinstance(getattr(value, "fn", None), JITCallable):
            yield value.fn


def _visited(traceback: TracebackType | None) -> tuple[ast.expr | None, Any]:
    """What Triton was looking at when it raised: the innermost ``node`` on the stack.

    Also the function that it belongs to: the innermost one whose ``cache_key`` is computed.
    """
    node, function = None, None
    while traceback is not None:
        local = traceback.tb_frame.f_locals
        if traceback.tb_frame.f_code.co_name == "cache_key":
            function = local.get("self")
        if hasattr(local.get("node"), "lineno"):
            node = local["node"]
        traceback = traceback.tb_next
    return node, function


def _place(function: Any, line: int) -> _Place:
    """A line counted from a function's ``def``, as one of its file."""
    before = next(
        number for number, text in enumerate(function.raw_src) if text.lstrip().startswith("def ")
    )
    return _Place(
        function.fn.__code__.co_filename, int(function.starting_line_number) + before + line - 1
    )


def _error(
    text: str, place: _Place | None, kind: ErrorKind = ErrorKind.DOES_NOT_COMPILE
) -> CompileError:
    message = _clean(text)
    if place is None:
        return CompileError(kind, message)
    source = linecache.getline(place.file, place.line).strip()
    return CompileError(kind, message, place.file, place.line, source)


def _clean(text: str) -> str:
    """Without addresses and ``ValueError('…')`` around it; the last lines, if there are many."""
    text = _ADDRESS.sub("", _unwrapped(text.strip()))
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    return "\n".join(lines[-MOST_LINES:])[:LONGEST_MESSAGE]


def _unwrapped(text: str) -> str:
    wrapped = _REPR.fullmatch(text)
    if wrapped is None:
        return text
    try:
        inner = ast.literal_eval(wrapped[2] or "''")
    except (SyntaxError, ValueError):
        return text
    if not isinstance(inner, str):
        return text
    plain = wrapped[1] in _PLAIN_ERRORS and inner
    return inner if plain else f"{wrapped[1]}: {inner}"
