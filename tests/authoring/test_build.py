"""Building writes what is generated, and nothing that somebody has worked on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from grader.authoring.build import build
from grader.errors import LessonDefinitionError, SolutionMarkersError

if TYPE_CHECKING:
    from tests.authoring.conftest import SmallCourse

EXERCISE = "exercises/lesson09/lesson09.py"
PRISTINE = "course/source/lesson09/lesson09.py"

EXERCISE_NOTEBOOK = "exercises/lesson09/09_Filling.ipynb"
PRISTINE_NOTEBOOK = "course/source/lesson09/09_Filling.ipynb"


def test_a_build_writes_exercise_and_pristine_copy(small: SmallCourse) -> None:
    assert small.build() == [EXERCISE, PRISTINE, EXERCISE_NOTEBOOK, PRISTINE_NOTEBOOK]
    text = (small.root / EXERCISE).read_text()
    assert text == (small.root / PRISTINE).read_text()
    assert "    pass\n" in text
    assert "fill_all" not in text


def test_a_second_build_writes_nothing(small: SmallCourse) -> None:
    small.build()
    assert small.build() == []


def test_a_changed_solution_replaces_an_exercise_that_nobody_touched(small: SmallCourse) -> None:
    small.build()
    small.edit("solutions/lesson09.py", "Lesson 9.", "Lesson nine.")
    assert small.build() == [EXERCISE, PRISTINE]
    assert "Lesson nine." in (small.root / EXERCISE).read_text()


def test_an_exercise_with_work_in_it_is_kept(small: SmallCourse) -> None:
    small.build()
    small.edit(EXERCISE, "    pass\n", "    my_own(z_ptr)\n")
    small.edit("solutions/lesson09.py", "Lesson 9.", "Lesson nine.")
    outcome = build(small.course, [small.lesson])
    assert [built.outcome for built in outcome] == ["kept", "written"]
    assert "my_own" in (small.root / EXERCISE).read_text()
    assert "Lesson nine." in (small.root / PRISTINE).read_text()


def test_force_replaces_an_exercise_with_work_in_it(small: SmallCourse) -> None:
    small.build()
    small.edit(EXERCISE, "    pass\n", "    my_own(z_ptr)\n")
    outcome = build(small.course, [small.lesson], force=True)
    assert [built.outcome for built in outcome] == ["written"]
    assert "my_own" not in (small.root / EXERCISE).read_text()


def test_a_wrong_marker_leaves_all_files_as_they_were(small: SmallCourse) -> None:
    small.build()
    before = (small.root / EXERCISE).read_text()
    small.edit("solutions/lesson09.py", "    ### END SOLUTION\n", "")
    with pytest.raises(SolutionMarkersError, match=r"lesson09\.py:9"):
        small.build()
    assert (small.root / EXERCISE).read_text() == before


def test_a_missing_solution_is_named(small: SmallCourse) -> None:
    small.lesson.solution.unlink()
    with pytest.raises(LessonDefinitionError, match=r"solutions/lesson09\.py"):
        small.build()


def test_students_and_nbgrader_get_the_same_notebook(small: SmallCourse) -> None:
    small.build()
    pristine = (small.root / PRISTINE_NOTEBOOK).read_text()
    assert (small.root / EXERCISE_NOTEBOOK).read_text() == pristine


def test_a_notebook_with_work_in_it_is_kept(small: SmallCourse) -> None:
    small.build()
    small.edit(EXERCISE_NOTEBOOK, "%load_ext grader", "%load_ext grader  # mine")
    (small.lesson.folder / "question.md").write_text("Why?\n")
    outcome = build(small.course, [small.lesson])
    assert [built.outcome for built in outcome] == ["kept", "written"]
    assert "# mine" in (small.root / EXERCISE_NOTEBOOK).read_text()
