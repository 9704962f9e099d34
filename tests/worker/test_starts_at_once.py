"""What a worker imports, and when: nobody waits for modules that torch brings along."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import grader.worker


def printed(program: str) -> str:
    """What a fresh Python prints."""
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    return ended.stdout.strip() or ended.stderr


def test_a_dispatch_mode_does_not_import_torchs_compiler() -> None:
    program = """
import sys, torch
from grader.worker.dispatch import DispatchMode

class Mode(DispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return func(*args, **(kwargs or {}))

with Mode():
    torch.ones(3) + 1
print("torch._dynamo" in sys.modules)
"""
    assert printed(program) == "False"


def test_every_mode_of_the_worker_is_such_a_mode() -> None:
    folder = Path(grader.worker.__file__).parent
    users = [path.name for path in folder.rglob("*.py") if "TorchDispatchMode" in path.read_text()]
    assert users == ["dispatch.py"]


def test_the_first_gradient_imports_nothing_once_a_worker_is_ready_for_gradients() -> None:
    program = """
import sys, torch
from grader.scenarios import gradients, import_for_gradients
import_for_gradients()
before = set(sys.modules)
x = torch.ones(3)
gradients(lambda x: 2 * x, x, wrt=[0], upstream=[x])
print(sorted(set(sys.modules) - before))
"""
    assert printed(program) == "[]"
