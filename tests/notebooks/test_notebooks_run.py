"""Every notebook runs from top to bottom on a CPU, whatever the student's file holds.

The cells that grade a single test run in ``make notebooks`` only (``NOTEBOOKS=all``): each starts a
judge and a worker. Here one notebook grades its whole lesson, unsolved and solved.
"""

from __future__ import annotations

import base64
import os
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from grader.authoring.execute import Executed, code_cells, execute
from grader.lesson import Course, Lesson
from grader.lesson_tests import graded_tests
from grader.lms.assignment import graded_by

COURSE = Course(Path(__file__).parents[2])
LESSONS = [lesson for lesson in COURSE.lessons() if lesson.notebook_source.is_file()]
GRADE_ALL = os.environ.get("NOTEBOOKS") == "all"
# Both tests look at one run: with `--dist loadgroup` they stay in one process.
RUNS = [
    pytest.param(
        lesson,
        solved,
        id=f"{lesson.name}-{'solved' if solved else 'unsolved'}",
        marks=pytest.mark.xdist_group(f"{lesson.name}-{solved}"),
    )
    for lesson in LESSONS
    for solved in (False, True)
]


@cache
def executed(name: str, solved: bool) -> Executed:
    lesson = COURSE.lesson(name)
    grading = "all" if GRADE_ALL else "lesson" if lesson == LESSONS[0] else "none"
    # One thread: two kernels share two cores.
    environment = {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    with TemporaryDirectory() as place:
        return execute(lesson, Path(place), solved=solved, grading=grading, environment=environment)


@pytest.mark.parametrize(("lesson", "solved"), RUNS)
def test_a_notebook_runs_to_its_end(lesson: Lesson, solved: bool) -> None:
    done = executed(lesson.name, solved)
    assert done.errors == []
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


@pytest.mark.parametrize(("lesson", "solved"), RUNS)
def test_its_grade_cells_return_the_points(lesson: Lesson, solved: bool) -> None:
    done = executed(lesson.name, solved)
    points = {test.name: test.points or 0.0 for test in graded_tests(lesson)}
    speed = {name for name in points if name in lesson.speed}
    judged = 0
    for cell in code_cells(done.notebook):
        name = graded_by(cell)
        whole = cell.source.strip() == "%grade"
        results = [o for o in cell.outputs if o.output_type == "execute_result"]
        if not results or not (name or whole):
            continue
        graded = [name] if name else list(points)
        full = sum(points[each] for each in graded if each not in speed)  # pending without a GPU
        judged += 1
        assert float(results[0].data["text/plain"]) == (full if solved else 0.0), cell.source
    if GRADE_ALL or lesson == LESSONS[0]:
        assert judged == (len(points) + 1 if GRADE_ALL else 1)
