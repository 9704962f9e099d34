"""A course of one small lesson on disk, complete and consistent until a test spoils it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from grader.authoring.build import build
from grader.lesson import Course, Lesson

SOLUTION = '''\
"""Lesson 9."""

import triton


@triton.jit
def fill_kernel(z_ptr):
    # TODO 1: fill.
    ### BEGIN SOLUTION
    fill_all(z_ptr)
    ### END SOLUTION


def fill(z):
    fill_kernel[(1,)](z)
    return z
'''

TOML = """\
title = "Filling"
notebook = "09_Filling"
points = 5
deadline_s = 10

[functions.fill]
kernels = ["fill_kernel"]

[speed.test_speed]
full = 0.9
half = 0.5
"""

TESTS = '''\
from grader.testing import hint, points


@points(3)
@hint("mask")
def test_any_length(submission):
    """Vectors of any length."""


@points(2)
@hint("speed")
def test_speed(submission):
    """As fast as torch."""
'''

HINTS = """\
# Hints

## mask
1. A nudge.
2. The idea.
3. Nearly the answer.

## speed
1. A nudge.
2. The idea,
   in two lines.
3. Nearly the answer.
"""

HIDDEN = 'CASES = {\n    "test_any_length": {"cpu": [613]},\n}\n'


@dataclass(frozen=True)
class SmallCourse:
    """A course with the lesson ``lesson09``, and ways to spoil it."""

    root: Path

    @property
    def course(self) -> Course:
        return Course(self.root)

    @property
    def lesson(self) -> Lesson:
        return self.course.lesson("lesson09")

    def build(self) -> list[str]:
        return [str(built) for built in build(self.course, [self.lesson])]

    def edit(self, path: str, old: str, new: str) -> None:
        file = self.root / path
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new, 1))


@pytest.fixture
def small(tmp_path: Path) -> SmallCourse:
    """The course, not built yet."""
    files = {
        "solutions/lesson09.py": SOLUTION,
        "course/lesson09/lesson.toml": TOML,
        "course/lesson09/test_lesson09.py": TESTS,
        "course/lesson09/hints.md": HINTS,
        "course/lesson09/hidden/cases.py": HIDDEN,
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return SmallCourse(tmp_path)
