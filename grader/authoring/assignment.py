"""The notebook of a lesson, as students get it: its source, grade cells, a written question.

Owns where the cells of a notebook come from: ``notebook.py`` of the lesson, or a plain page if
nobody has written one; points and names from the graded tests; the question from
``question.md``. What does not fit together stops the build. ``grader.authoring.notebook`` writes
the file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

from grader.authoring.notebook import read_source, write_notebook
from grader.authoring.outputs import read_outputs
from grader.errors import LessonDefinitionError
from grader.lesson import Lesson
from grader.lesson_tests import LessonTest, graded_tests
from grader.lms.assignment import (
    NO_ANSWER,
    QUESTION_POINTS,
    grade_cell_metadata,
    graded_by,
    mark_lesson,
    question_metadata,
)


def build_assignment(lesson: Lesson) -> str:
    """The text of a lesson's notebook, the same each time.

    Raises:
        LessonDefinitionError: Grade cells and graded tests are not the same.
    """
    tests = graded_tests(lesson)
    notebook = read_source(_source(lesson, tests))
    mark_lesson(notebook, lesson.name)
    _mark_grade_cells(lesson, notebook, tests)
    if lesson.question.is_file():
        notebook.cells += _question_cells(lesson.question.read_text())
    return write_notebook(notebook, read_outputs(lesson.folder))


def _source(lesson: Lesson, tests: tuple[LessonTest, ...]) -> str:
    if lesson.notebook_source.is_file():
        return lesson.notebook_source.read_text()
    return "\n\n".join(_plain_page(lesson, tests)) + "\n"


def _mark_grade_cells(
    lesson: Lesson, notebook: NotebookNode, tests: tuple[LessonTest, ...]
) -> None:
    """Make every cell that grades a test the grade cell of that test."""
    where, seen = lesson.notebook_source, Counter[str]()
    by_name = {test.name: test for test in tests}
    for cell in notebook.cells:
        if "nbgrader" in cell.metadata:
            raise LessonDefinitionError(
                f"{where}: the cell {_first_line(cell)!r} brings metadata of nbgrader. Remove it: "
                "a cell that holds '%grade test_name' alone becomes a grade cell by itself."
            )
        name = graded_by(cell)
        if name is None:
            continue
        if name not in by_name:
            raise LessonDefinitionError(
                f"{where}: '%grade {name}' names no graded test of {lesson.name}. Correct the "
                f"name; its tests: {', '.join(by_name)}."
            )
        seen[name] += 1
        cell.metadata.update(grade_cell_metadata(by_name[name]))
    for name in by_name:
        if seen[name] != 1:
            raise LessonDefinitionError(
                f"{where}: {seen[name]} cells with '%grade {name}', and there must be one: the "
                "points of a test are recorded under its cell."
            )


def _first_line(cell: NotebookNode) -> str:
    return str(cell.source).partition("\n")[0]


def _question_cells(question: str) -> list[NotebookNode]:
    """The question, and the cell for the answer."""
    heading = f"## A question to answer in words ({QUESTION_POINTS:g} points)"
    answer = new_markdown_cell(NO_ANSWER, metadata=question_metadata())
    return [new_markdown_cell(f"{heading}\n\n{question.strip()}"), answer]


def _plain_page(lesson: Lesson, tests: tuple[LessonTest, ...]) -> Iterator[str]:
    """A working notebook in py:percent form, for a lesson without a teaching one."""
    yield _markdown(
        f"# {lesson.title}",
        "",
        f"Your work is the file `{lesson.name}.py` beside this notebook. Open it, fill in what is",
        "marked `TODO`, save it, and run the cells below: each grades one part of the saved file",
        "and shows what is right, what is wrong, and where. The number under a cell is the points.",
        "",
        f"In a terminal, `grade {lesson.name} --watch` does the same at every save, and",
        f"`grade {lesson.name} --hint TEST` gives the next hint. What you hand in is the file",
        "and, in this notebook, the answer to the question at the end. Cells of your own are",
        "welcome; they are not graded.",
    )
    yield _code("%load_ext grader")
    yield from (_graded(test) for test in tests if test.points)
    challenges = [test for test in tests if not test.points]
    if challenges:
        yield _markdown("## Challenges", "", "Beyond what is asked: a badge, no points.")
        yield from map(_graded, challenges)
    yield _markdown("## The whole lesson")
    yield _code("%grade")


def _graded(test: LessonTest) -> str:
    unit = "point" if test.points == 1 else "points"
    worth = f" ({test.points:g} {unit})" if test.points else ""
    return f"{_markdown(f'**{test.title}**{worth}')}\n\n{_code(f'%grade {test.name}')}"


def _markdown(*lines: str) -> str:
    return "\n".join(["# %% [markdown]", *(f"# {line}".rstrip() for line in lines)])


def _code(magic: str) -> str:
    return f"# %%\n# {magic}"
