"""Of a submitted notebook only written answers count, and they can do nothing but be read."""

from __future__ import annotations

import json
from typing import Any

import pytest
from nbconvert.filters import markdown2html
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from grader.lms.restoring import MOST_CHARACTERS, harmless, restored


def _answer(text: str, name: str = "question") -> NotebookNode:
    about = {"grade": True, "grade_id": name, "solution": True, "locked": False, "points": 2}
    return new_markdown_cell(text, metadata={"nbgrader": about})


def _grade_cell(source: str = "%grade test_double") -> NotebookNode:
    about = {"grade": True, "grade_id": "test_double", "solution": False, "locked": True}
    return new_code_cell(source, metadata={"nbgrader": {**about, "points": 2}})


@pytest.fixture
def original() -> NotebookNode:
    return new_notebook(cells=[_grade_cell(), _answer("YOUR ANSWER HERE")])


def test_an_answer_is_taken_over(original: NotebookNode) -> None:
    submitted = new_notebook(cells=[_answer("Because of the tail.")])
    notebook = restored(original, submitted)
    assert [cell.source for cell in notebook.cells] == [
        "%grade test_double",
        "Because of the tail.",
    ]
    assert original.cells[1].source == "YOUR ANSWER HERE"


def test_a_grade_cell_comes_from_the_release(original: NotebookNode) -> None:
    submitted = new_notebook(cells=[_grade_cell("20.0"), _grade_cell("20.0"), _answer("A")])
    assert restored(original, submitted).cells[0].source == "%grade test_double"


def test_of_two_answers_under_one_name_the_first_counts(original: NotebookNode) -> None:
    submitted = new_notebook(cells=[_answer("first"), _answer("second")])
    assert restored(original, submitted).cells[1].source == "first"


def test_an_answer_under_another_name_is_none(original: NotebookNode) -> None:
    submitted = new_notebook(cells=[_answer("Because.", name="elsewhere")])
    assert restored(original, submitted).cells[1].source == "YOUR ANSWER HERE"


@pytest.mark.parametrize(
    "submitted",
    [
        None,
        [],
        7,
        "text",
        {},
        {"cells": 3},
        {"cells": [1, None, {}]},
        {"cells": [{"metadata": []}]},
    ],
)
def test_whatever_else_was_handed_in_leaves_the_release(
    original: NotebookNode, submitted: Any
) -> None:
    assert restored(original, submitted) == original


def test_an_answer_is_found_in_a_notebook_that_is_not_valid(original: NotebookNode) -> None:
    cell = {"metadata": {"nbgrader": {"grade_id": "question"}}, "source": ["Two\n", "lines"]}
    assert restored(original, {"cells": [cell]}).cells[1].source == "Two\nlines"


def test_an_answer_is_cut_off_where_nobody_would_read_on(original: NotebookNode) -> None:
    source = restored(original, new_notebook(cells=[_answer("x" * 1_000_000)])).cells[1].source
    assert len(source) < MOST_CHARACTERS + 100
    assert source.endswith("characters]")


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "`<b>` \\`<script>alert(1)</script>\\`",
        "[click](javascript:alert(1))",
        "[click][1]\n\n[1]: javascript:alert(1)",
        "<javascript:alert(1)>",
        "$\\href{javascript:alert(1)}{x}$",
    ],
)
def test_an_answer_brings_no_html_and_no_link(text: str) -> None:
    page = markdown2html(harmless(text))
    for live in ("<script", "<img", "<a ", "\\href", 'href="javascript'):
        assert live not in page


@pytest.mark.parametrize(
    "text", ["a < b and x<n", "`tl.load(x) < n`", "**bold**, $x^2$, lists:\n\n- one\n- two"]
)
def test_ordinary_text_stays_as_it_is_read(text: str) -> None:
    assert harmless(text).replace("\u2060", "") == text
    assert json.dumps(harmless(text)).count("lt;") == 0
