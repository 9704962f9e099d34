"""Graded tests read from their source."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.errors import LessonDefinitionError
from grader.lesson import Course
from grader.lesson_tests import LessonTest, all_tests, find_test, graded_tests, read_tests


def write(folder: Path, text: str) -> Path:
    """A file of tests."""
    path = folder / "test_lesson01.py"
    path.write_text(text)
    return path


def test_names_titles_points_hints_and_lines_come_from_the_source(course: Path) -> None:
    file = course / "course" / "lesson01" / "test_lesson01.py"
    assert graded_tests(Course(course).lesson("1")) == (
        LessonTest("test_any_length", "Vectors of any length", 3.0, "mask", file, 5),
        LessonTest("test_types", "fp16 and bf16", 1.0, None, file, 12),
    )


def test_tests_without_points_are_read_but_not_graded(course: Path) -> None:
    lesson = Course(course).lesson("1")
    assert [test.points for test in all_tests(lesson)] == [3.0, 1.0, None]


def test_a_marker_may_be_written_in_full(tmp_path: Path) -> None:
    text = '@pytest.mark.points(0.5)\n@testing.hint("a b")\ndef test_a(): ...\n'
    file = write(tmp_path, text)
    assert read_tests(file) == (LessonTest("test_a", "test_a", 0.5, "a b", file, 3),)


def test_tests_in_several_files_are_one_list_in_the_order_of_the_files(course: Path) -> None:
    folder = course / "course" / "lesson01"
    (folder / "test_before.py").write_text("@points(2)\ndef test_first(): ...\n")
    (folder / "test_then.py").write_text("@points(2)\ndef test_last(): ...\n")
    found = graded_tests(Course(course).lesson("1"))
    assert [(test.name, test.file.name) for test in found] == [
        ("test_first", "test_before.py"),
        ("test_any_length", "test_lesson01.py"),
        ("test_types", "test_lesson01.py"),
        ("test_last", "test_then.py"),
    ]


def test_a_lesson_without_tests_names_the_file_that_is_missing(course: Path) -> None:
    lesson = Course(course).lesson("1")
    lesson.test_files[0].unlink()
    with pytest.raises(LessonDefinitionError, match="test_lesson01.py: the tests cannot be read"):
        graded_tests(lesson)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("@points(worth)\ndef test_a(): ...\n", ":1: @points of test_a takes one literal"),
        ("@points()\ndef test_a(): ...\n", "takes one literal int or float"),
        ("\n@hint(3)\ndef test_a(): ...\n", ":2: @hint of test_a takes one literal str"),
        ("@points(True)\ndef test_a(): ...\n", "not 'points(True)'"),
        ("\ndef test_(:\n", ":2: the tests are no Python"),
        ("x = '\0'\n", "the tests are no Python"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_line(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(LessonDefinitionError) as caught:
        read_tests(write(tmp_path, text))
    assert told in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(LessonDefinitionError, match="nothing.py"):
        read_tests(tmp_path / "nothing.py")


def test_a_test_is_found_without_its_prefix(course: Path) -> None:
    assert find_test(Course(course).lesson("1"), "types").name == "test_types"


@pytest.mark.parametrize("decorator", ["@challenge", "@testing.challenge"])
def test_a_challenge_is_graded_and_worth_no_points(tmp_path: Path, decorator: str) -> None:
    (test,) = read_tests(write(tmp_path, f"{decorator}\ndef test_a(): ...\n"))
    assert test.points == 0
