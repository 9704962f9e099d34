"""What is measured: one operation at one size, and who computes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from grader.course_files import load_module

ROOT = Path(__file__).parents[2]

Implementation = Callable[..., Any]


@dataclass(frozen=True)
class Operation:
    """One operation at one size.

    Attributes:
        name: What students call it, e.g. ``"softmax"``.
        size: Shape and dtype in words, e.g. ``"16384 x 4096 fp32"``.
        inputs: Makes one set of arguments on the GPU.
        ours: The reference solution.
        torch: PyTorch eager.
        compiled: What ``torch.compile`` compiles, called with the same arguments; ``None``
            where it would only call the same library.
        public: The best public Triton kernels by the name of their package; each value is made
            only when measured, and may raise ``ImportError``.
        others: More implementations worth a line, by name.
        bytes_moved: The least bytes that one call must move.
        flops: Arithmetic operations of one call.
        dtype: What products are computed in, for the compute ceiling.
        goal: What the course promises, in words; empty if nothing.
        remark: What was tried where the goal is not reached.
    """

    name: str
    size: str
    inputs: Callable[[], tuple[Any, ...]]
    ours: Implementation
    torch: Implementation
    compiled: Implementation | None = None
    public: Mapping[str, Callable[[], Implementation]] = field(default_factory=dict)
    others: Mapping[str, Implementation] = field(default_factory=dict)
    bytes_moved: int | None = None
    flops: int | None = None
    dtype: str = "float16"
    goal: str = ""
    remark: str = ""


def solution(lesson: str) -> ModuleType:
    """The reference solution of a lesson, imported."""
    return load_module(ROOT / "solutions" / f"{lesson}.py")


def reference(lesson: str) -> ModuleType:
    """The oracle and baselines of a lesson, imported."""
    return load_module(ROOT / "course" / lesson / "reference.py")


def scenarios(lesson: str) -> ModuleType:
    """The scenarios of a lesson, imported."""
    return load_module(ROOT / "course" / lesson / "scenarios.py")
