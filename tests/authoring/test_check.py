"""The check names every way in which the files of a lesson disagree, and where."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from grader.authoring.check import check
from grader.errors import LessonDefinitionError
from grader.lesson import Course

if TYPE_CHECKING:
    from tests.authoring.conftest import SmallCourse

ROOT = Path(__file__).parents[2]
TOML = "course/lesson09/lesson.toml"
TESTS = "course/lesson09/test_lesson09.py"
HINTS = "course/lesson09/hints.md"
HIDDEN = "course/lesson09/hidden/cases.py"
SOLUTION = "solutions/lesson09.py"
EXERCISE = "exercises/lesson09/lesson09.py"


def problems(small: SmallCourse) -> list[str]:
    return [str(problem) for problem in check(small.course, small.course.lessons())]


def test_the_course_itself_has_no_problem() -> None:
    course = Course(ROOT)
    assert [str(problem) for problem in check(course, course.lessons())] == []


def test_a_consistent_lesson_has_no_problem(small: SmallCourse) -> None:
    small.build()
    assert problems(small) == []


def test_missing_generated_files_are_reported(small: SmallCourse) -> None:
    found = problems(small)
    assert [problem.partition(":")[0] for problem in found] == [
        EXERCISE,
        "course/source/lesson09/lesson09.py",
        "exercises/lesson09/09_Filling.ipynb",
        "course/source/lesson09/09_Filling.ipynb",
    ]
    assert all("course build" in problem for problem in found)


def test_stale_generated_files_are_reported(small: SmallCourse) -> None:
    small.build()
    small.edit(SOLUTION, "Lesson 9.", "Lesson nine.")
    assert [f"{SOLUTION} generates" in problem for problem in problems(small)] == [True, True]


@pytest.mark.parametrize(
    ("file", "old", "new", "where", "what"),
    [
        (TOML, "points = 5", "points = 6", f"{TOML}:3", "sum to 5"),
        (TOML, "functions.fill", "functions.fil", f"{TOML}:6", "no function 'fil'"),
        (TOML, '["fill_kernel"]', '["fill"]', f"{TOML}:6", "no @triton.jit function 'fill'"),
        (TOML, '["fill_kernel"]', '["gone"]', f"{TOML}:6", "no @triton.jit function 'gone'"),
        (TOML, "speed.test_speed", "speed.test_fast", f"{TOML}:9", "no graded test"),
        (TOML, "half = 0.5", "half = 0.9", f"{TOML}:9", "0 < half < full"),
        (TOML, "half = 0.5", "half = 0", f"{TOML}:9", "0 < half < full"),
        (TOML, "half = 0.5\n", "", f"{TOML}:9", "half=None"),
        (TOML, "half = 0.5", 'half = "0.5"', f"{TOML}:9", "0 < half < full"),
        (TOML, '"]\n', '"]\ntorch = ["sofmax"]\n', f"{TOML}:8", "torch names 'sofmax'"),
        (TOML, "[speed", '[policy]\nimports = ["no.such"]\n[speed', f"{TOML}:10", "'no.such'"),
        (SOLUTION, "import triton", "import triton, os", f"{SOLUTION}:3", "import os"),
        (SOLUTION, "return z", "return z @ z", f"{SOLUTION}:16", "refuses fill()"),
        (TESTS, '    """As fast as torch."""', "    pass", f"{TESTS}:12", "no docstring"),
        (TESTS, '@hint("speed")\n', "", f"{TESTS}:11", "names no section"),
        (TESTS, '@hint("speed")', '@hint("sped")', f"{TESTS}:12", "hint 'sped'"),
        (TESTS, "@points(2)\n", "", f"{TESTS}:11", "no @points"),
        (TESTS, "@points(2)", "@points(2 * 1)", f"{TESTS}:10", "literal"),
        (TESTS, "import hint", "import (hint", f"{TESTS}:1", "no Python"),
        (HINTS, "3. Nearly the answer.\n\n", "\n", f"{HINTS}:3", "2 steps"),
        (HINTS, "## speed", "## sped", f"{TESTS}:12", "does not have"),
        (HINTS, "# Hints\n", "# Hints\n\n## old\n1. a\n2. b\n3. c\n", f"{HINTS}:3", "no graded"),
        (HIDDEN, "test_any_length", "test_any", f"{HIDDEN}:2", "'test_any'"),
        (HIDDEN, "CASES = {", "CASES = dict() or {", f"{HIDDEN}:1", "literal"),
        (HIDDEN, "CASES", "OTHERS", f"{HIDDEN}:1", "literal"),
        (SOLUTION, "    ### END SOLUTION\n", "", f"{SOLUTION}:9", "END SOLUTION"),
    ],
)
def test_each_disagreement_is_reported_where_it_is(
    small: SmallCourse, file: str, old: str, new: str, where: str, what: str
) -> None:
    small.build()
    small.edit(file, old, new)
    assert any(
        problem.startswith(f"{where}: ") and what in problem for problem in problems(small)
    ), problems(small)


def test_what_a_lesson_allows_its_solution_may_use(small: SmallCourse) -> None:
    small.edit(SOLUTION, "return z", "return z @ z")
    small.edit(TOML, '"]\n', '"]\ntorch = ["matmul", "autograd.grad", "mm", "add"]\n')
    small.build()
    assert problems(small) == []


def test_a_switch_of_a_function_is_true_or_false(small: SmallCourse) -> None:
    small.edit(TOML, '"]\n', '"]\nwhole_tensors = true\n')
    (lesson,) = small.course.lessons()
    assert [function.whole_tensors for function in lesson.functions.values()] == [True]

    small.edit(TOML, "whole_tensors = true", "whole_tensors = 1")
    with pytest.raises(LessonDefinitionError, match="whole_tensors is neither true nor false"):
        list(small.course.lessons())


def test_a_test_that_replaces_another_is_reported(small: SmallCourse) -> None:
    small.build()
    small.edit(TESTS, "def test_speed", "def test_any_length")
    assert any("replaces the first" in problem for problem in problems(small))


@pytest.mark.parametrize("path", [SOLUTION, TESTS])
def test_a_missing_file_is_reported(small: SmallCourse, path: str) -> None:
    small.build()
    (small.root / path).unlink()
    assert any(problem.startswith(f"{path}:1: ") for problem in problems(small))


def test_a_lesson_without_hidden_cases_is_complete(small: SmallCourse) -> None:
    small.build()
    (small.root / HIDDEN).unlink()
    assert problems(small) == []
