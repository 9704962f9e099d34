from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

from grader.authoring.execute import Executed
from grader.authoring.links import links, malformed
from grader.authoring.notebook import read_source
from grader.lesson import Course, Lesson
from grader.lms.assignment import graded_by

COURSE = Course(Path(__file__).parents[2])
LESSONS = [lesson for lesson in COURSE.lessons() if lesson.notebook_source.is_file()]
MOST_LINES = 45
OTHER_CLOCKS = re.compile(r"time\.time|perf_counter|timeit|do_bench|%time")

each_lesson = pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)


@each_lesson
def test_no_cell_is_longer_than_a_screen(lesson: Lesson) -> None:
    cells = read_source(lesson.notebook_source.read_text()).cells
    long = [cell.source.splitlines()[0] for cell in cells if cell.source.count("\n") >= MOST_LINES]
    assert long == []


@each_lesson
def test_every_cell_that_grades_is_announced(lesson: Lesson) -> None:
    cells = read_source(lesson.notebook_source.read_text()).cells
    for before, cell in zip(cells, cells[1:], strict=False):
        if graded_by(cell):
            assert before.source.strip(), f"nothing stands before {cell.source!r}"


@each_lesson
def test_speed_is_measured_by_the_toolkit_alone(lesson: Lesson) -> None:
    cells = read_source(lesson.notebook_source.read_text()).cells
    found = [cell.source for cell in cells if cell.cell_type == "code"]
    assert [source for source in found if OTHER_CLOCKS.search(source)] == []


@each_lesson
def test_its_sections_are_those_of_every_notebook(lesson: Lesson) -> None:
    text = lesson.notebook_source.read_text().lower()
    wanted = [
        "you will be able to", "you need", "time**", "## set up", "worked example", "your turn",
        "## how fast", "## common mistakes", "bytes and flops", "questions to think about",
        "## further reading", "## the whole lesson",
    ]  # fmt: skip
    assert [part for part in wanted if part not in text] == []


@each_lesson
def test_every_link_is_well_formed(lesson: Lesson) -> None:
    found = list(links(lesson.notebook_source.read_text()))
    assert found, "no further reading"
    assert {link: malformed(link) for link in found if malformed(link)} == {}


def test_links_end_where_markdown_ends_them() -> None:
    text = "See [a](https://a.org/x_(y)), <http://b.org>, https://c.org/d. or (https://e.org/f)."
    assert list(links(text)) == [
        "https://a.org/x_(y)",
        "http://b.org",
        "https://c.org/d",
        "https://e.org/f",
    ]


@pytest.mark.parametrize("link", ["https://nohost/x", "http://", "https://a..b/c"])
def test_a_link_without_a_host_is_malformed(link: str) -> None:
    assert malformed(link)


@each_lesson
def test_no_output_that_readers_see_tells_of_a_failure(lesson: Lesson) -> None:
    (page,) = (lesson.root / "exercises" / lesson.name).glob("*.ipynb")
    shown = Executed(lesson.name, True, nbformat.read(page, as_version=4), 0.0)
    assert shown.errors == []
