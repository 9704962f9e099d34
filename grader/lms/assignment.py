"""What makes a notebook the assignment of a lesson: a mark, grade cells, a written question.

Owns nbgrader's metadata of our cells, for those who build a notebook and those who grade one.
A grade cell is named after its test; the written question is the only cell that is graded by
hand. Knows neither nbgrader's classes nor the gradebook.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from nbformat import NotebookNode

from grader.errors import GraderError
from grader.lesson_tests import LessonTest

QUESTION = "question"
QUESTION_POINTS = 2.0

# nbgrader puts these words in place of every answer when it makes the release version.
NO_ANSWER = "YOUR ANSWER HERE"

_MARK = "grader"
_SCHEMA_VERSION = 3  # of nbgrader's cell metadata

_GRADES_ONE_TEST = re.compile(r"%grade[ \t]+(test_\w+)")


class AssignmentMismatchError(GraderError):
    """The grade cells of a notebook are not the graded tests of its lesson."""


def mark_lesson(notebook: NotebookNode, lesson: str) -> None:
    """Say in the notebook which lesson it is the assignment of."""
    notebook.metadata[_MARK] = {"lesson": lesson}


def lesson_of(notebook: NotebookNode) -> str | None:
    """Name of the lesson that a released notebook is the assignment of; None if of none."""
    mark = notebook.metadata.get(_MARK)
    name = mark.get("lesson") if isinstance(mark, dict) else None
    return name if isinstance(name, str) else None


def graded_by(cell: NotebookNode) -> str | None:
    """The test that a code cell grades: one that holds ``%grade test_name`` and nothing else."""
    if cell.cell_type != "code":
        return None
    match = _GRADES_ONE_TEST.fullmatch(cell.source.strip())
    return match[1] if match else None


def grade_cell_metadata(test: LessonTest) -> dict[str, Any]:
    """Metadata of the cell that grades a test; a challenge is locked, but worth nothing."""
    return {
        "deletable": False,
        "editable": False,
        "nbgrader": {
            **_cell(test.name, grade=bool(test.points), locked=True),
            **({"points": test.points} if test.points else {}),
        },
    }


def question_metadata() -> dict[str, Any]:
    """Metadata of the cell that the written answer goes into."""
    nbgrader = {
        **_cell(QUESTION, grade=True, locked=False),
        "solution": True,
        "points": QUESTION_POINTS,
    }
    return {"deletable": False, "nbgrader": nbgrader}


def _cell(name: str, *, grade: bool, locked: bool) -> dict[str, Any]:
    return {
        "grade": grade,
        "grade_id": name,
        "locked": locked,
        "schema_version": _SCHEMA_VERSION,
        "solution": False,
        "task": False,
    }


def judged_cells(notebook: NotebookNode) -> Iterator[tuple[str, NotebookNode]]:
    """The cells that a test's verdict belongs to, challenges included, with the test's name."""
    for cell in notebook.cells:
        about = cell.metadata.get("nbgrader", {})
        if cell.cell_type == "code" and about.get("locked") and not about.get("solution"):
            yield about["grade_id"], cell


def require_cells_of(
    tests: tuple[LessonTest, ...], notebook: NotebookNode, where: str, remedy: str
) -> None:
    """Refuse a notebook whose judged cells are not exactly the tests, with their points.

    Raises:
        AssignmentMismatchError: Says which test, and what differs.
    """
    wanted = {test.name: test.points or 0.0 for test in tests}
    found: dict[str, float] = {}
    for name, cell in judged_cells(notebook):
        if name in found:
            raise AssignmentMismatchError(f"{where}: {name} has two grade cells. {remedy}")
        found[name] = float(cell.metadata.nbgrader.get("points", 0.0))
    for name in wanted.keys() | found.keys():
        if name not in found:
            raise AssignmentMismatchError(f"{where}: no grade cell for {name}. {remedy}")
        if name not in wanted:
            raise AssignmentMismatchError(
                f"{where}: a grade cell for {name}, which is no graded test. {remedy}"
            )
        if found[name] != wanted[name]:
            raise AssignmentMismatchError(
                f"{where}: {name} is worth {wanted[name]:g} points in the lesson, "
                f"{found[name]:g} in the notebook. {remedy}"
            )
