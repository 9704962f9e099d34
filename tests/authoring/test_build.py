"""Building writes what is generated, and nothing that somebody has worked on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from grader.authoring.build import build
from grader.errors import LessonDefinitionError, SolutionMarkersError

if TYPE_CHECKING:
    from tests.authoring.conftest import SmallCourse

EXERCISE = "exercises/lesson09/lesson09.py"
PRISTINE = "course/source/lesson09/lesson09.py"

NOTEBOOK = """\
# %% [markdown]
# # Filling

# %%
x = 1

# %% {"nbgrader": {"grade": true, "grade_id": "test_any_length"}}
x = 1
"""


def test_a_build_writes_exercise_and_pristine_copy(small: SmallCourse) -> None:
    assert small.build() == [EXERCISE, PRISTINE]
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


def test_a_notebook_is_built_where_its_source_is(small: SmallCourse) -> None:
    (small.lesson.folder / "notebook.py").write_text(NOTEBOOK)
    assert small.build()[-1] == "exercises/lesson09/09_Filling.ipynb"
    notebook = json.loads((small.root / "exercises/lesson09/09_Filling.ipynb").read_text())
    assert [cell["cell_type"] for cell in notebook["cells"]] == ["markdown", "code", "code"]
    assert notebook["cells"][2]["metadata"]["nbgrader"]["grade_id"] == "test_any_length"
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"


def test_cells_of_a_notebook_have_distinct_ids_that_stay(small: SmallCourse) -> None:
    source = small.lesson.folder / "notebook.py"
    target = small.root / "exercises/lesson09/09_Filling.ipynb"

    def ids() -> list[str]:
        small.build()
        return [cell["id"] for cell in json.loads(target.read_text())["cells"]]

    source.write_text(NOTEBOOK)
    before = ids()
    source.write_text(NOTEBOOK.replace("# # Filling", "# # Filling it up"))
    after = ids()
    assert len(set(before)) == 3
    assert before[0] != after[0]
    assert before[1:] == after[1:]
