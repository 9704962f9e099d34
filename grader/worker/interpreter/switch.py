"""Reroutes ``@triton.jit`` functions and autotuners of this process to the interpreter.

``@triton.jit`` itself stays as it is, so that functions keep everything that compiling them
needs; only launching and calling them is replaced.
"""

from __future__ import annotations

from typing import Any

import triton
from triton.runtime.autotuner import Autotuner
from triton.runtime.jit import JITFunction

from grader.worker.interpreter import driver
from grader.worker.interpreter.launch import call, launch
from grader.worker.interpreter.repairs.autotune import run_first_config
from grader.worker.interpreter.stock import is_known_version, warn_unknown_version

# What was in place before: JITFunction's run and call, Autotuner's run, the driver.
_originals: tuple[Any, Any, Any, Any] | None = None


def activate() -> None:
    """Install once; see ``api.install``."""
    global _originals
    if _originals is not None:
        return
    if triton.knobs.runtime.interpret or not isinstance(triton.language.cdiv, JITFunction):
        raise RuntimeError(
            "Triton was imported with TRITON_INTERPRET set; import it without, "
            "or install the interpreter before anything imports Triton"
        )
    active = triton.runtime.driver._active
    _originals = JITFunction.run, JITFunction.__call__, Autotuner.run, active
    JITFunction.run = _run
    JITFunction.__call__ = _call
    Autotuner.run = run_first_config
    driver.activate()
    if not is_known_version():
        _test_unknown_version()


def is_active() -> bool:
    """Whether ``activate`` was called."""
    return _originals is not None


def deactivate() -> None:
    """Undo ``activate``: kernels are compiled again."""
    global _originals
    if _originals is not None:
        JITFunction.run, JITFunction.__call__, Autotuner.run, active = _originals
        triton.runtime.driver._active = active
        _originals = None


def _run(self: Any, *args: Any, grid: Any, warmup: bool, **kwargs: Any) -> Any:
    if warmup:
        return driver.InterpretedKernel()
    launch(self, args, grid, kwargs)
    return driver.InterpretedKernel()


def _call(self: Any, *args: Any, **kwargs: Any) -> Any:
    return call(self, args, kwargs)


def _test_unknown_version() -> None:
    from grader.worker.interpreter import selftest

    warn_unknown_version([check.name for check in selftest.run_all() if not check.passed])
