"""Every notebook runs from top to bottom on a CPU, whatever the student's file holds.

``make test`` runs the first, unsolved. ``make notebooks`` (``NOTEBOOKS=all``) runs all, unsolved
and solved, and grades each lesson as a whole. With ``NOTEBOOKS=cells`` every cell that grades a
single test runs as well, each of which starts a judge and a worker.
"""

from __future__ import annotations

import ast
import base64
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from grader.authoring.execute import Executed, code_cells, execute
from grader.lesson import Course, Lesson
from grader.lesson_tests import graded_tests
from grader.lms.assignment import graded_by

COURSE = Course(Path(__file__).parents[2])
LESSONS = [lesson for lesson in COURSE.lessons() if lesson.notebook_source.is_file()]
ASKED = os.environ.get("NOTEBOOKS", "")
RUNS = [
    pytest.param(lesson, solved, id=f"{lesson.name}-{'solved' if solved else 'unsolved'}")
    for lesson in (LESSONS if ASKED else LESSONS[:1])
    for solved in ((False, True) if ASKED else (False,))
]
# Fixtures of what only a GPU can judge.
GPU_FIXTURES = {"speed", "peak_memory"}


GRADING = "all" if ASKED == "cells" else "lesson"


@pytest.mark.parametrize(("lesson", "solved"), RUNS)
def test_a_notebook_runs_to_its_end(lesson: Lesson, solved: bool) -> None:
    # One thread: two kernels share two cores.
    environment = {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    with TemporaryDirectory() as place:
        done = execute(lesson, Path(place), solved=solved, grading=GRADING, environment=environment)
    assert done.errors == []
    its_pictures_are_small(done)
    its_grade_cells_return_the_points(lesson, solved, done)


def its_pictures_are_small(done: Executed) -> None:
    pictures = [
        output.data["image/png"]
        for cell in code_cells(done.notebook)
        for output in cell.outputs
        if "image/png" in output.get("data", {})
    ]
    assert pictures, "a notebook without any figure"
    sizes = [len(base64.b64decode(picture)) for picture in pictures]
    assert min(sizes) > 1_000
    assert max(sizes) <= 60_000
    assert sum(len(str(cell.outputs)) for cell in code_cells(done.notebook)) < 1_000_000


def its_grade_cells_return_the_points(lesson: Lesson, solved: bool, done: Executed) -> None:
    points = {test.name: test.points or 0.0 for test in graded_tests(lesson)}
    pending = needing_a_gpu(lesson)
    judged = 0
    for cell in code_cells(done.notebook):
        name, whole = graded_by(cell), cell.source.strip() == "%grade"
        results = [o for o in cell.outputs if o.output_type == "execute_result"]
        if not results or not (name or whole):
            continue
        graded = [name] if name else list(points)
        full = sum(points[each] for each in graded if each not in pending)
        judged += 1
        assert float(results[0].data["text/plain"]) == (full if solved else 0.0), cell.source
    assert judged == (len(points) + 1 if GRADING == "all" else 1)


def needing_a_gpu(lesson: Lesson) -> set[str]:
    """Names of the tests that ask for a fixture which only a GPU serves."""
    functions = [
        node
        for file in lesson.test_files
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef)
    ]
    return {node.name for node in functions if GPU_FIXTURES & {arg.arg for arg in node.args.args}}
