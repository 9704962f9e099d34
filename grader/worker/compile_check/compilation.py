"""Compiles one specialisation, in this process, and gathers the facts.

Runs in a child process made for it (see ``processes``): the compiler may abort, and it prints.
Owns what is asked of ``triton.compile`` and of its output. Gives plain values, since they have
to travel.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Any

import triton
import triton.compiler.code_generator  # noqa: F401  (0.1 s, better before a process is forked)
from triton.compiler import make_backend
from triton.compiler.errors import CompileTimeAssertionFailure
from triton.runtime.errors import PTXASError

from grader.worker.compile_check import amdgcn, ptx, resources
from grader.worker.compile_check.errors import explain, forget_placeholders
from grader.worker.compile_check.specialise import Specialisation
from grader.worker.compile_check.targets import Target

Facts = dict[str, Any]


# What ``Autotuner._bench`` catches of the errors of compiling.
_FORGIVEN = (CompileTimeAssertionFailure, PTXASError)


class Depth(StrEnum):
    """How far to compile."""

    # To Triton's first intermediate language: finds what is wrong with the Python code.
    FRONTEND = "frontend"
    # To machine code.
    FULL = "full"


class _FrontendDone(BaseException):
    """Ends a compilation that has gone far enough."""


def compile_facts(
    specialisation: Specialisation, depth: Depth, cache_dir: Path, printed: Callable[[], str]
) -> Facts:
    """Compile and describe.

    Args:
        specialisation: What to compile.
        depth: How far.
        cache_dir: Where Triton may put its files.
        printed: Gives what the process has printed since compiling began.

    Returns:
        Plain values: ``seconds``, and the facts that ``CompileResult`` names or ``error`` and
        ``forgiven``, whether an autotuner would go on with its next configuration.

    Raises:
        OSError: This machine's disk or tools fail.
        MemoryError: So does its memory.
    """
    start = time.perf_counter()
    try:
        with _configured(specialisation.target, cache_dir):
            if depth is Depth.FRONTEND:
                _compile_frontend(specialisation)
                facts: Facts = {}
            else:
                facts = _facts(_compile(specialisation), specialisation, printed())
    except (MemoryError, OSError):
        raise  # of this machine, not of the kernel
    except Exception as error:
        forget_placeholders(error)
        explained = explain(error, specialisation.function, printed())
        facts = {"error": asdict(explained), "forgiven": isinstance(error, _FORGIVEN)}
    return {**facts, "seconds": round(time.perf_counter() - start, 3)}


@contextmanager
def _configured(target: Target, cache_dir: Path) -> Iterator[None]:
    """Triton set up to compile for a GPU that this machine lacks. Leaves its traces behind."""
    triton.knobs.cache.dir = str(cache_dir)
    triton.knobs.nvidia.dump_ptxas_log = True
    # Hashes half a gigabyte of compiler, once a process. The cache folder is this run's own.
    triton.runtime.cache.triton_key = lambda: triton.__version__
    triton.runtime.driver.set_active(_Driver(target))
    yield


def _compile(specialisation: Specialisation) -> Any:
    return triton.compile(
        specialisation.source(),
        target=specialisation.target.gpu,
        options=specialisation.options.__dict__,
    )


def _compile_frontend(specialisation: Specialisation) -> None:
    """Compile until the first stage behind the frontend would begin."""
    backend = type(make_backend(specialisation.target.gpu))
    add_stages = backend.add_stages

    def stop(*_: Any) -> None:
        raise _FrontendDone

    def only_stop(self: Any, stages: dict[str, Any], *_: Any) -> None:
        stages["ttir"] = stop

    backend.add_stages = only_stop
    try:
        _compile(specialisation)
    except _FrontendDone:
        return
    finally:
        backend.add_stages = add_stages


def _facts(kernel: Any, specialisation: Specialisation, printed: str) -> Facts:
    file_name = Path(specialisation.function.fn.__code__.co_filename).name
    cuda = specialisation.target.is_cuda
    reader = ptx if cuda else amdgcn
    assembly = kernel.asm["ptx" if cuda else "amdgcn"]
    taken = resources.from_ptxas_log(printed) if cuda else amdgcn.resources(assembly)
    return {
        **asdict(taken),
        "shared_bytes": kernel.metadata.shared,
        "num_warps": kernel.metadata.num_warps,
        "accesses": [asdict(access) for access in reader.accesses(assembly, file_name)],
        "instructions": reader.instructions(assembly),
    }


class _Driver:
    """Answers ``triton.runtime.driver.active`` while compiling: some library code asks it."""

    def __init__(self, target: Target) -> None:
        self._target = target.gpu

    def get_current_target(self) -> Any:
        """The GPU that is compiled for."""
        return self._target

    def get_current_device(self) -> int:
        """Its number."""
        return 0
