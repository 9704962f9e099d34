"""Every lesson of the course can be released: its cells are its tests, 20 points and 2 by hand."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Gradebook

from grader.lesson import Course
from grader.lesson_tests import graded_tests
from grader.lms.assignment import lesson_of, require_cells_of
from tests.nbgrader.lecture import Lecture

ROOT = Path(__file__).parents[2]
COURSE = Course(ROOT)


@pytest.mark.parametrize("name", COURSE.names())
def test_a_lesson_can_be_released(lecture: Lecture, name: str) -> None:
    lesson = COURSE.lesson(name)
    shutil.rmtree(lecture.root / "source")
    shutil.copytree(ROOT / "course" / "source" / name, lecture.root / "source" / name)
    result = lecture.api().generate_assignment(name)
    assert result["success"], result["log"]
    released = lecture.root / "release" / name / f"{lesson.notebook}.ipynb"
    notebook = nbformat.read(released, as_version=4)
    assert lesson_of(notebook) == name
    require_cells_of(graded_tests(lesson), notebook, name, "course build")
    with Gradebook(f"sqlite:///{lecture.root / 'gradebook.db'}") as gradebook:
        assignment = gradebook.find_assignment(name)
        assert (assignment.max_code_score, assignment.max_written_score) == (20.0, 2.0)


@pytest.mark.parametrize("name", COURSE.names())
def test_what_a_good_answer_holds_stays_with_the_instructor(name: str) -> None:
    lesson = COURSE.lesson(name)
    notes = (lesson.folder / "hidden" / "question.md").read_text()
    assert lesson.question.is_file()
    assert "What a good answer holds" in notes
    for path in (ROOT / "course" / "source" / name).iterdir():
        assert "What a good answer holds" not in path.read_text()
