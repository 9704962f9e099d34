"""Reports as a grading run would return them: one of each kind that a student can meet."""

from __future__ import annotations

from pathlib import Path

from grader.lesson import Function, Lesson
from grader.results import CaseResult, Device, Diagnosis, Report, Status, TestResult

CPU = Device("cpu", "interpreter", {"triton": "3.7.1"})
GPU = Device("gpu", "NVIDIA H200", {"driver": "570.1"})

SUBMISSION = '''"""Lesson 1: elementwise kernels."""

import triton
import triton.language as tl


@triton.jit
def add_kernel(z_ptr, x_ptr, y_ptr, n, BLOCK: tl.constexpr):
    # TODO: add one block
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(x_ptr + offsets)
    tl.store(z_ptr + offsets, x)
'''

NUDGE = "Which elements of the last block does the vector really have?"


def diagnosis(
    kind: str = "missing-store-mask",
    message: str = "The kernel wrote 23 elements past the end of z: the last block is not masked.",
    line: int | None = 12,
    hint: str | None = NUDGE,
) -> Diagnosis:
    """A diagnosis with a line and a hint."""
    return Diagnosis(kind, message, line, hint)


def case(status: Status = Status.PASSED, id: str = "", why: Diagnosis | None = None) -> CaseResult:
    """One case; a passed one earns everything."""
    share = 1.0 if status is Status.PASSED else 0.0
    return CaseResult(id, status, why, share, 0.25)


def passed(id: str = "test_add", title: str = "Adds two vectors", points: float = 3) -> TestResult:
    """A test that earned all its points."""
    return TestResult(id, title, points, (case(),))


def failed(
    id: str = "test_any_length",
    title: str = "Vectors of any length",
    why: Diagnosis | None = None,
    points: float = 2,
) -> TestResult:
    """A test with two failed cases of three."""
    why = why or diagnosis()
    cases = (
        case(id="n=1024"),
        case(Status.FAILED, "n=1025", why),
        case(Status.FAILED, "n=1", why),
    )
    return TestResult(id, title, points, cases, NUDGE)


def one(status: Status, id: str = "test_other", why: Diagnosis | None = None) -> TestResult:
    """A test with one case of that status."""
    return TestResult(id, f"Something {status.value}", 2, (case(status, "", why),))


def deferred(id: str = "test_speed", points: float = 6) -> TestResult:
    """A test that needs a GPU."""
    why = Diagnosis("deferred", "Speed is measured on a GPU. Hand in, or grade where there is one.")
    return TestResult(id, "As fast as torch.add", points, (case(Status.DEFERRED, "", why),))


def timed(status: Status = Status.PASSED, share: float = 1.0) -> TestResult:
    """A speed test that was measured."""
    timing = {
        "ratio": 0.99,
        "low": 0.98,
        "high": 1.0,
        "baseline": {"name": "torch_add", "seconds_per_call": 1.93e-4},
        "student": {"seconds_per_call": 1.95e-4},
        "threshold": {"full": 0.95, "half": 0.8, "calibrated": True},
        "bytes_moved": 805306368,
        "achieved_bytes_per_s": 4.13e12,
        "share_of_ceiling": 0.97,
        "ceiling": {"bytes_per_s": 4.25e12},
    }
    why = None if status is Status.PASSED else Diagnosis("slow", "Below the threshold.", None)
    measured = CaseResult("", status, why, share, timing=timing)
    return TestResult("test_speed", "As fast as torch.add", 6, (measured,))


def report(
    *tests: TestResult,
    file: Path | str = "lesson01.py",
    device: Device = CPU,
    lesson: str = "lesson01",
) -> Report:
    """A report of these tests."""
    return Report(
        lesson, "Elementwise operations", str(file), device, "namespaces", "5eed", 8.14, tests
    )


def lesson(root: Path) -> Lesson:
    """A lesson whose files lie below ``root``, with two hint steps for one test."""
    folder = root / "course" / "lesson01"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "test_lesson01.py").write_text(
        '@points(2)\n@hint("mask")\ndef test_any_length():\n    """Vectors of any length."""\n'
    )
    (folder / "hints.md").write_text(f"## mask\n1. {NUDGE}\n2. Compare offsets with n.\n")
    functions = {"add": Function("add", ("add_kernel",))}
    return Lesson("lesson01", "Elementwise operations", "01_x", 2, 10, functions, {}, root)
