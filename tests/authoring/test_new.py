"""A new lesson is complete from its first minute, and replaces nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from grader.authoring.build import build
from grader.authoring.check import check
from grader.authoring.new import new
from grader.errors import UsageError
from grader.lesson import COURSE_VARIABLE, Course

ROOT = Path(__file__).parents[2]


def test_a_new_lesson_passes_the_check_once_it_is_built(tmp_path: Path) -> None:
    course = Course(tmp_path)
    new(course, "lesson08")
    assert course.names() == ["lesson08"]
    build(course, course.lessons())
    assert check(course, course.lessons()) == []


def test_all_files_of_a_new_lesson_are_named(tmp_path: Path) -> None:
    assert sorted(map(str, new(Course(tmp_path), "lesson08"))) == [
        "course/lesson08/hints.md",
        "course/lesson08/lesson.toml",
        "course/lesson08/reference.py",
        "course/lesson08/test_lesson08.py",
        "solutions/lesson08.py",
    ]


def test_a_new_lesson_is_as_tidy_as_the_others(tmp_path: Path) -> None:
    ruff = pytest.importorskip("ruff", reason="needs the dev extra").find_ruff_bin()
    new(Course(tmp_path), "lesson08")
    config = f"--config={ROOT / 'pyproject.toml'}"
    for command in (["check", config], ["format", "--check", config]):
        done = subprocess.run([ruff, *command, "--no-cache", tmp_path], capture_output=True)
        assert done.returncode == 0, done.stdout.decode()


@pytest.mark.parametrize("name", ["lesson8", "8", "Lesson08", "../lesson08", "lesson008"])
def test_other_names_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="two digits"):
        new(Course(tmp_path), name)
    assert list(tmp_path.iterdir()) == []


def test_nothing_that_is_there_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "solutions").mkdir()
    solution = tmp_path / "solutions" / "lesson08.py"
    solution.write_text("mine")
    with pytest.raises(UsageError, match=r"solutions/lesson08\.py"):
        new(Course(tmp_path), "lesson08")
    assert solution.read_text() == "mine"
    assert not (tmp_path / "course").exists()


def test_a_solution_of_a_new_lesson_earns_full_marks(tmp_path: Path) -> None:
    course = Course(tmp_path)
    new(course, "lesson08")
    build(course, course.lessons())
    command = [sys.executable, "-m", "grader", "lesson08", "--device", "cpu", "--file"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    environment.pop(COURSE_VARIABLE, None)
    done = subprocess.run(
        [*command, "solutions/lesson08.py"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2/2" in done.stdout
