"""One kernel launch: arguments bound, language swapped, all programs executed.

Replaces stock Triton's executor, which copies each argument's whole storage to the host and
back: here kernels work on the CPU tensors themselves. Knows nothing about what is watched.
"""

from __future__ import annotations

import linecache
import operator
from collections.abc import Iterator
from typing import Any

import numpy as np
from triton.runtime.errors import InterpreterError

from grader.worker.interpreter import watch
from grader.worker.interpreter.arguments import bind, to_triton
from grader.worker.interpreter.builder import BUILDER, SEMANTIC
from grader.worker.interpreter.language import Language
from grader.worker.interpreter.rewrite import rewrite
from grader.worker.interpreter.semantics import RUNTIME

# Limits of CUDA; a larger grid is refused there too.
LARGEST_GRID = (2**31 - 1, 65535, 65535)

LANGUAGE = Language(SEMANTIC)
RUNTIME.to_tensor = lambda value: SEMANTIC.to_tensor(value, False)


def launch(jit: Any, args: tuple[Any, ...], grid: Any, kwargs: dict[str, Any]) -> None:
    """Run a kernel over its grid.

    Raises:
        TypeError: Arguments do not fit the kernel's parameters, or are no CPU tensors.
        RuntimeError: A GPU could not launch such a grid.
        InterpreterError: The kernel itself failed; its ``__cause__`` says how.
    """
    for hook in jit.pre_run_hooks:
        hook(*args, **kwargs)
    bound = bind(jit, args, kwargs)
    size = grid_size(grid(bound) if callable(grid) else grid)
    watcher = watch.current
    if watcher is not None:
        watcher.begin(jit.__name__, size)
    BUILDER.watcher = watcher
    RUNTIME.forget = watcher.forget if watcher is not None else None
    try:
        with LANGUAGE.active(), np.errstate(all="ignore"):
            converted = to_triton(jit, bound, watcher)
            _run_programs(jit, converted, size)
    finally:
        BUILDER.watcher = None
        if watcher is not None:
            watcher.end()


def call(jit: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a jit function from inside a kernel."""
    if not LANGUAGE.is_active:
        raise RuntimeError("Cannot call @triton.jit'd outside of the scope of a kernel")
    LANGUAGE.include(jit.fn.__globals__)
    return rewrite(jit)(*args, **kwargs)


def grid_size(grid: Any) -> tuple[int, int, int]:
    """A grid as three numbers.

    Raises:
        TypeError: It is no tuple of one to three integers.
        RuntimeError: It is larger than a GPU takes.
    """
    sizes = tuple(map(operator.index, grid))
    if not 1 <= len(sizes) <= 3:
        raise TypeError(f"a grid has one to three dimensions, not {len(sizes)}")
    x, y, z = (*sizes, 1, 1)[:3]
    for axis, size, largest in zip("xyz", (x, y, z), LARGEST_GRID, strict=True):
        if not 0 <= size <= largest:
            raise RuntimeError(
                f"Triton Error [CUDA]: invalid argument (grid {sizes}: "
                f"{size} programs on axis {axis}, at most {largest} are possible)"
            )
    return x, y, z


def _run_programs(jit: Any, arguments: dict[str, Any], size: tuple[int, int, int]) -> None:
    LANGUAGE.include(jit.fn.__globals__)
    body = rewrite(jit)
    BUILDER.set_grid_dim(*size)
    for program in _programs(size):
        BUILDER.set_grid_idx(*program)
        try:
            body(**arguments)
        except Exception as error:
            raise InterpreterError(_describe(error, jit, program)) from error


def _programs(size: tuple[int, int, int]) -> Iterator[tuple[int, int, int]]:
    """Program ids, axis x fastest, as a GPU starts them."""
    for z in range(size[2]):
        for y in range(size[1]):
            for x in range(size[0]):
                yield x, y, z


def _describe(error: BaseException, jit: Any, program: tuple[int, int, int]) -> str:
    file, line = jit.fn.__code__.co_filename, None
    traceback = error.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == file:
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    where = f", line {line} ({linecache.getline(file, line).strip()})" if line else ""
    return f"kernel {jit.__name__}{where}, program {program}: {type(error).__name__}: {error}"
