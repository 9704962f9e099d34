"""One check for each repair: a small kernel against torch or a value measured on a GPU.

Run by ``course doctor`` and, for Triton versions that were never tried, when the interpreter is
installed. The same checks pass on a GPU with compiled kernels, which tests the checks.
"""

from __future__ import annotations

import time

from grader.worker.interpreter.selftest import blocks, checks, control, launching, numbers
from grader.worker.interpreter.selftest_results import RepairCheck

__all__ = ["blocks", "control", "launching", "names", "numbers", "run", "run_all"]


def names() -> list[str]:
    """Names of all checks."""
    return list(checks.ALL)


def run(name: str) -> RepairCheck:
    """Run one check."""
    start = time.perf_counter()
    try:
        checks.ALL[name]()
        detail = ""
    except Exception as error:
        detail = f"{type(error).__name__}: {error}"
    return RepairCheck(name, not detail, detail, time.perf_counter() - start)


def run_all() -> list[RepairCheck]:
    """Run all checks."""
    return [run(name) for name in names()]
