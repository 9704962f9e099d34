"""A lesson's notebook: one grade cell for each test, and what does not fit stops the build."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import nbformat
import pytest

from grader.authoring.assignment import build_assignment
from grader.authoring.check import check
from grader.errors import LessonDefinitionError
from grader.lesson_tests import graded_tests
from grader.lms.assignment import AssignmentMismatchError, lesson_of, require_cells_of

if TYPE_CHECKING:
    from tests.authoring.conftest import SmallCourse

SOURCE = """\
# %% [markdown]
# # Filling

# %%
# %load_ext grader

# %%
# %grade test_any_length

# %%
# %grade test_speed

# %%
# %grade
"""


def _notebook(small: SmallCourse, source: str | None = None) -> dict[str, Any]:
    if source is not None:
        small.lesson.notebook_source.write_text(source)
    notebook: dict[str, Any] = json.loads(build_assignment(small.lesson))
    return notebook


def _graded(notebook: dict[str, Any]) -> dict[str, dict[str, Any]]:
    about = (cell["metadata"].get("nbgrader") for cell in notebook["cells"])
    return {each["grade_id"]: each for each in about if each}


@pytest.mark.parametrize("source", [None, SOURCE])
def test_each_test_has_a_locked_grade_cell_with_its_points(
    small: SmallCourse, source: str | None
) -> None:
    graded = _graded(_notebook(small, source))
    assert {name: each["points"] for name, each in graded.items()} == {
        "test_any_length": 3.0,
        "test_speed": 2.0,
    }
    assert all(each["locked"] and each["grade"] for each in graded.values())
    assert not any(each["solution"] for each in graded.values())


def test_a_notebook_says_which_lesson_it_belongs_to(small: SmallCourse) -> None:
    notebook = nbformat.reads(build_assignment(small.lesson), as_version=4)
    assert lesson_of(notebook) == "lesson09"
    assert lesson_of(nbformat.v4.new_notebook()) is None


def test_a_notebook_is_the_same_each_time(small: SmallCourse) -> None:
    assert build_assignment(small.lesson) == build_assignment(small.lesson)


def test_cells_have_distinct_ids_that_stay(small: SmallCourse) -> None:
    before = [cell["id"] for cell in _notebook(small, SOURCE)["cells"]]
    changed = SOURCE.replace("# # Filling", "# # Filling it up")
    after = [cell["id"] for cell in _notebook(small, changed)["cells"]]
    assert len(set(before)) == len(before)
    assert before[0] != after[0]
    assert before[1:] == after[1:]


def test_a_challenge_is_locked_and_worth_nothing(small: SmallCourse) -> None:
    small.edit(
        "course/lesson09/test_lesson09.py",
        "@points(2)",
        "@challenge",
    )
    about = _graded(_notebook(small))["test_speed"]
    assert (about["grade"], about["locked"]) == (False, True)
    assert "points" not in about


def test_a_question_is_answered_in_a_cell_graded_by_hand(small: SmallCourse) -> None:
    small.lesson.question.write_text("Why a mask?\n")
    cells = _notebook(small)["cells"][-2:]
    assert "Why a mask?" in "".join(cells[0]["source"])
    about = cells[1]["metadata"]["nbgrader"]
    assert (about["grade"], about["solution"], about["points"]) == (True, True, 2.0)
    assert cells[1]["cell_type"] == "markdown"


def test_a_lesson_without_a_question_has_none(small: SmallCourse) -> None:
    assert "question" not in _graded(_notebook(small))


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("# %grade test_speed", "pass", "0 cells with '%grade test_speed'"),
        ("# %grade test_speed", "# %grade test_any_length", "2 cells with '%grade test_any"),
        ("# %grade test_speed", "# %grade test_sped", "names no graded test of lesson09"),
        ("# %%\n# %grade\n", '# %% {"nbgrader": {"grade": true}}\nx = 1\n', "metadata of nbgr"),
    ],
)
def test_cells_that_do_not_fit_the_tests_stop_the_build(
    small: SmallCourse, old: str, new: str, told: str
) -> None:
    assert old in SOURCE
    with pytest.raises(LessonDefinitionError, match=told) as error:
        _notebook(small, SOURCE.replace(old, new))
    assert "notebook.py" in str(error.value)


def test_check_names_a_notebook_that_does_not_fit(small: SmallCourse) -> None:
    small.lesson.notebook_source.write_text(SOURCE.replace("test_speed", "test_sped"))
    problems = check(small.course, [small.lesson])
    assert any("test_sped" in str(problem) for problem in problems)


def test_check_names_a_stale_notebook(small: SmallCourse) -> None:
    small.build()
    small.edit("course/lesson09/test_lesson09.py", "Vectors of any length.", "Any length.")
    stale = [str(problem) for problem in check(small.course, [small.lesson])]
    assert len(stale) == 2
    assert all("09_Filling.ipynb" in problem for problem in stale)


def test_a_released_notebook_is_compared_with_the_tests(small: SmallCourse) -> None:
    notebook = nbformat.reads(build_assignment(small.lesson), as_version=4)
    tests = graded_tests(small.lesson)
    require_cells_of(tests, notebook, "lesson09", "Release it again.")
    with pytest.raises(AssignmentMismatchError, match="no graded test.*Release it again"):
        require_cells_of(tests[:1], notebook, "lesson09", "Release it again.")
    cell = next(cell for cell in notebook.cells if "nbgrader" in cell.metadata)
    cell.metadata.nbgrader.points = 30
    with pytest.raises(AssignmentMismatchError, match="worth 3 points in the lesson, 30 in"):
        require_cells_of(tests, notebook, "lesson09", "")
