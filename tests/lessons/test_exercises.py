"""Exercises tell students what their graders ask."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from grader.lesson import Course, Function, Lesson

COURSE = Course(Path(__file__).parents[2])


@pytest.mark.parametrize(
    ("lesson", "function"),
    [
        pytest.param(lesson, function, id=function.name)
        for lesson in COURSE.lessons()
        for function in lesson.functions.values()
        if function.torch
    ],
)
def test_an_exercise_says_what_else_of_torch_a_function_may_use(
    lesson: Lesson, function: Function
) -> None:
    told = ast.get_docstring(ast.parse(lesson.exercise.read_text())) or ""
    allowed = told.partition("docs/rules.md")[2]

    assert f"``{function.name}``" in allowed
    if not function.whole_tensors:  # the others may use what a training takes
        assert [name for name in function.torch if f"``{name}``" not in allowed] == []
