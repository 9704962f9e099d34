"""Kernels run and compiled once for all tests, outside pytest's own process.

The interpreter reroutes Triton for a whole process; whatever other tests do to theirs, and in
which order, must make no difference here.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.compile_check.kernel_files import KERNELS, Checked

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]

# Compiled in a process that has interpreted kernels and in one that has not.
COMPARED = ["nested_functions", "bf16_and_libdevice", "scan", "tensor_descriptors", "heuristics"]


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def interpreted(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Checked]:
    """All kernels, run interpreted and then compiled."""
    steps = [step(name, cache, execute=True) for name in ("defective", "sound", "tuned")]
    return run_kernels(steps, tmp_path_factory)


@pytest.fixture(scope="session")
def defective(interpreted: list[Checked]) -> Checked:
    return interpreted[0]


@pytest.fixture(scope="session")
def sound(interpreted: list[Checked]) -> Checked:
    return interpreted[1]


@pytest.fixture(scope="session")
def tuned(interpreted: list[Checked]) -> Checked:
    return interpreted[2]


@pytest.fixture(scope="session")
def later_runs(
    interpreted: list[Checked], cache: Path, tmp_path_factory: pytest.TempPathFactory
) -> list[Checked]:
    """Without the interpreter: all sound kernels from the cache, then some compiled anew."""
    fresh = tmp_path_factory.mktemp("fresh")
    steps = [
        step("sound", cache, execute=False),
        step("sound", fresh, execute=False, cases=COMPARED),
        step("defective", cache, execute=False, cases=["leaves_loop"]),
    ]
    return run_kernels(steps, tmp_path_factory)


def step(
    name: str, cache: Path, *, execute: bool, cases: list[str] | None = None
) -> dict[str, Any]:
    file = KERNELS / f"{name}.py"
    return {"file": str(file), "cases": cases, "cache": str(cache), "execute": execute}


def run_kernels(
    steps: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> list[Checked]:
    folder = tmp_path_factory.mktemp("run")
    plan, answer = folder / "plan.json", folder / "answer.json"
    plan.write_text(json.dumps(steps))
    subprocess.run(
        [sys.executable, HERE / "run_kernels.py", plan, answer],
        check=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "TRITON_CACHE_DIR": str(folder)},
    )
    checked: list[Checked] = json.loads(answer.read_text())
    return checked


@pytest.fixture
def launch_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernels can be launched in this process, and nothing happens."""
    from triton.runtime.jit import JITFunction

    monkeypatch.setattr(JITFunction, "run", lambda *_, grid, warmup, **__: None)
