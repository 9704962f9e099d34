"""A skeleton holds nothing of the solution, and is Python that says what is left to do."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from grader.authoring.markers import solution_regions
from grader.authoring.skeleton import build_skeleton, header
from grader.errors import SolutionMarkersError
from grader.judge.skeleton_state import Progress, function_state
from grader.lesson import Course, Lesson

ROOT = Path(__file__).parents[2]
LESSONS = list(Course(ROOT).lessons())
PATH = Path("solutions/lesson99.py")

SOLUTION = '''\
"""Lesson 99."""

import triton


@triton.autotune(configs=[], key=["n"])
@triton.jit
def kernel(z_ptr, n):
    """Fill."""
    # TODO 1: fill.
    ### BEGIN SOLUTION
    secret = 1
    store(z_ptr, secret)
    ### END SOLUTION


def fill(z):
    """Fill."""
    for row in z:
        # TODO 2: launch.
        ### BEGIN SOLUTION
        kernel[(1,)](row, len(row))
        ### END SOLUTION
    return z
'''

SKELETON = '''\
"""Lesson 99."""

import triton


@triton.autotune(configs=[], key=["n"])
@triton.jit
def kernel(z_ptr, n):
    """Fill."""
    # TODO 1: fill.
    pass


def fill(z):
    """Fill."""
    for row in z:
        # TODO 2: launch.
        raise NotImplementedError("fill: TODO not done yet")
    return z
'''


def each_lesson() -> pytest.MarkDecorator:
    return pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)


def test_each_region_becomes_the_stub_of_its_kind_of_function() -> None:
    assert build_skeleton(SOLUTION, PATH) == header("lesson99") + SKELETON


def test_the_same_solution_gives_the_same_skeleton() -> None:
    assert build_skeleton(SOLUTION, PATH) == build_skeleton(SOLUTION, PATH)


def test_a_solution_without_a_region_is_refused() -> None:
    with pytest.raises(SolutionMarkersError, match="whole solution"):
        build_skeleton("def fill(z):\n    return z\n", PATH)


def test_wrong_markers_are_refused_before_nbgrader_sees_them() -> None:
    with pytest.raises(SolutionMarkersError, match="lesson99.py:"):
        build_skeleton(SOLUTION.replace("### BEGIN", "### The BEGIN", 1), PATH)


@each_lesson()
def test_no_line_of_a_solution_is_in_its_skeleton(lesson: Lesson) -> None:
    source = lesson.solution.read_text()
    regions = solution_regions(source, lesson.solution)
    inside, outside = set(), set()
    for number, line in enumerate(source.splitlines(), start=1):
        text = line.partition("#")[0].strip() or line.strip()
        (inside if any(region.holds(number) for region in regions) else outside).add(text)
    # A bare name, an argument or the opening of a call tells nothing; what is computed does.
    secret = {line for line in inside - outside if re.search(r"[=+*/<>&]", line)}
    assert secret, "the lesson asks for nothing"
    skeleton = build_skeleton(source, lesson.solution)
    for line in skeleton.splitlines():
        assert not [text for text in secret if re.search(rf"(?<!\w){re.escape(text)}", line)]


@each_lesson()
def test_a_skeleton_defines_what_its_solution_defines(lesson: Lesson) -> None:
    def definitions(source: str) -> list[str]:
        kinds = (ast.FunctionDef, ast.ClassDef)
        return [node.name for node in ast.parse(source).body if isinstance(node, kinds)]

    source = lesson.solution.read_text()
    assert definitions(build_skeleton(source, lesson.solution)) == definitions(source)


@each_lesson()
def test_a_skeleton_says_what_is_to_be_done(lesson: Lesson) -> None:
    assert "# TODO" in build_skeleton(lesson.solution.read_text(), lesson.solution)


@each_lesson()
def test_every_graded_function_of_a_skeleton_is_not_started(lesson: Lesson) -> None:
    skeleton = build_skeleton(lesson.solution.read_text(), lesson.solution)
    for function in lesson.functions.values():
        assert function_state(skeleton, skeleton, function).progress is Progress.NOT_STARTED


@each_lesson()
def test_every_graded_function_of_a_solution_is_started(lesson: Lesson) -> None:
    solution = lesson.solution.read_text()
    skeleton = build_skeleton(solution, lesson.solution)
    for function in lesson.functions.values():
        assert function_state(skeleton, solution, function).progress is Progress.STARTED
