"""``course doctor``: what this machine can do, line by line, with a remedy for what is missing.

Each check answers on its own and never raises. What needs the worker's side runs in a child
process, since the judge's side must not import it.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec

from grader.errors import GraderError
from grader.lesson import Course

SELF_TEST_SECONDS = 300
_SELF_TEST = (
    "import json, sys; from grader.worker.interpreter import self_test; "
    "sys.stdout.write('\\n' + json.dumps([check.to_json() for check in self_test()]))"
)


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes:
        name: What was looked at.
        ok: True, False, or None for what is absent but not needed.
        detail: What was found.
        remedy: What to do about it; empty if nothing.
    """

    name: str
    ok: bool | None
    detail: str
    remedy: str = ""


def examine() -> Iterator[Finding]:
    """All findings, the quick ones first."""
    for check in (_python, _platform, _course, *_PACKAGES, _compiler, _gpu, _sandbox, _interpreter):
        try:
            yield check()
        except Exception as error:  # a check that fails is a finding, not the end of the others
            name = getattr(check, "__name__", "check").strip("_")
            yield Finding(name, False, f"{type(error).__name__}: {error}")


def _python() -> Finding:
    told = f"{platform.python_version()} at {sys.executable}"
    return Finding("python", sys.version_info >= (3, 11), told, "Install Python 3.11 or newer.")


def _platform() -> Finding:
    told = f"{platform.system()} {platform.release()} {platform.machine()}"
    remedy = "Use Linux, or WSL2 on Windows: the worker needs memfd and Triton needs its wheels."
    return Finding("platform", hasattr(os, "memfd_create"), told, remedy)


def _course() -> Finding:
    try:
        course = Course.find()
        names = [lesson.name for lesson in course.lessons()]
    except GraderError as error:
        return Finding("course", False, str(error), "Change to the course's folder.")
    return Finding("course", True, f"{course.root}: {', '.join(names)}")


def _package(name: str) -> Callable[[], Finding]:
    def check() -> Finding:
        if find_spec(name) is None:
            return Finding(name, False, "not installed", "Run make setup.")
        return Finding(name, True, metadata.version(name))

    return check


_PACKAGES = tuple(_package(name) for name in ("torch", "triton", "pytest", "rich", "typer"))


def _compiler() -> Finding:
    """Triton builds its launcher with a C compiler; the interpreter does without."""
    named = os.environ.get("CC")
    names = [named] if named else ["gcc", "clang", "cc"]
    found = next(filter(None, map(shutil.which, names)), None)
    remedy = "Kernels run on a GPU only with one: install gcc, or set CC."
    return Finding("C compiler", found is not None, found or f"{named or 'none'} not found", remedy)


def _gpu() -> Finding:
    import torch

    if torch.cuda.is_available():
        properties = torch.cuda.get_device_properties(0)
        memory = properties.total_memory / 2**30
        told = f"{properties.name}, {memory:.0f} GiB, sm_{properties.major}{properties.minor}"
        remedy = "Triton needs compute capability 8.0 or newer."
        return Finding("GPU", properties.major >= 8, told, remedy)
    if shutil.which("nvidia-smi") is None:
        return Finding("GPU", None, "none: kernels are interpreted, speed is deferred")
    remedy = "Install the CUDA build of torch: make setup, after removing .venv."
    told = f"there is a driver, but torch {torch.__version__} sees no GPU"
    return Finding("GPU", False, told, remedy)


def _sandbox() -> Finding:
    from grader import sandbox

    found = sandbox.probe()
    told = f"{found.level}: {found.level.explanation}"
    return Finding("sandbox", found.level.is_private, told, sandbox.advice(found))


def _interpreter() -> Finding:
    """The repairs of the CPU interpreter, each tried against torch."""
    done = subprocess.run(
        [sys.executable, "-c", _SELF_TEST],
        capture_output=True,
        text=True,
        timeout=SELF_TEST_SECONDS,
        check=False,
    )
    remedy = "Install the Triton version that constraints/ names."
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        return Finding("interpreter", False, reason, remedy)
    checks = json.loads(done.stdout.rpartition("\n")[2])
    wrong = [f"{check['name']}: {check['detail']}" for check in checks if not check["passed"]]
    told = "; ".join(wrong) or f"{len(checks)} repairs checked against torch"
    return Finding("interpreter", not wrong, told, remedy)
