"""A course of two lessons on disk, and a stand-in for ``grader.run``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from grader.lesson import Lesson
from grader.results import CaseResult, Device, Report, Status, TestResult

TOML = """\
title = "{title}"
notebook = "x"
points = 4
deadline_s = 10
[functions.add]
kernels = ["add_kernel"]
"""

TESTS = '''\
from grader.testing import hint, points

@points(3)
@hint("mask")
def test_any_length(submission):
    """Vectors of any length.

    More for instructors.
    """

@points(1)
def test_types(submission):
    """fp16 and bf16."""

def test_of_the_course_itself():
    pass
'''

HINTS = """\
## mask
1. How many elements has the last block?
2. Compare offsets with n.
3. `mask = offsets < n`.
"""


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The root of a course with lesson01 (file here) and lesson02 (no file), as working folder."""
    for name, title in (("lesson01", "Elementwise"), ("lesson02", "Fusion")):
        folder = tmp_path / "course" / name
        folder.mkdir(parents=True)
        (folder / "lesson.toml").write_text(TOML.format(title=title))
        (folder / f"test_{name}.py").write_text(TESTS)
        (folder / "hints.md").write_text(HINTS)
    exercise = tmp_path / "exercises" / "lesson01"
    exercise.mkdir(parents=True)
    (exercise / "lesson01.py").write_text("x = 1\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GRADER_COURSE", raising=False)
    monkeypatch.delenv("GRADER_DEBUG", raising=False)
    return tmp_path


@dataclass(frozen=True)
class RunRequest:
    """What ``grader.run`` takes."""

    lesson: Lesson
    file: Path
    device: str = "auto"
    only: tuple[str, ...] = ()
    seed: str | None = None
    targets: tuple[str, ...] = ()


@dataclass
class FakeRun:
    """Stands in for ``grader.run``: answers as told and remembers what it was asked.

    Attributes:
        statuses: Verdict of each of the lesson's tests.
        requests: What was graded.
        before: Called at the start of a run; may raise.
    """

    statuses: list[Status] = field(default_factory=lambda: [Status.PASSED, Status.PASSED])
    requests: list[RunRequest] = field(default_factory=list)
    before: Callable[[], None] = lambda: None

    def grade(self, request: RunRequest, observer: Any) -> Report:
        """A report with these statuses."""
        self.requests.append(request)
        self.before()
        names = ("test_any_length", 3.0), ("test_types", 1.0)
        tests = tuple(
            TestResult(name, name, worth, (CaseResult("", status, share=1.0),))
            for (name, worth), status in zip(names, self.statuses, strict=True)
        )
        lesson = request.lesson
        device = Device("cpu", "interpreter")
        seed = request.seed or "fresh"
        return Report(
            lesson.name, lesson.title, str(request.file), device, "none", seed, 1.0, tests
        )


@pytest.fixture
def run(course: Path, monkeypatch: pytest.MonkeyPatch) -> FakeRun:
    """The stand-in, in place before anything is graded."""
    fake = FakeRun()
    module = ModuleType("grader.run")
    module.RunRequest = RunRequest  # type: ignore[attr-defined]
    module.grade = fake.grade  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "grader.run", module)
    return fake
