"""A kept submission that says only where it differs becomes whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.authoring.edits import BASE_LINE, EditsError, compose, whole_text
from grader.authoring.subjects import SUBMISSIONS
from grader.course_cli import course_main
from grader.lesson import Course

ROOT = Path(__file__).parents[2]

SOLUTION = '''\
"""A lesson."""

import torch

BLOCK = 1024  # elements

# Above the kernel.
@triton.jit
def kernel(x):
    store(x, mask)


def launch(x):
    kernel[grid(x)](x)
    return x
'''


def edits(body: str) -> str:
    return f"# expect: failed test_a mask\n{BASE_LINE}\n# Why.\n{body}"


def names(text: str) -> list[str]:
    """What is bound at the top level, in order, by executing nothing."""
    import ast

    return [
        getattr(node, "name", None) or ast.unparse(node).split(" = ")[0]
        for node in ast.parse(text).body
    ]


def test_a_definition_takes_the_place_of_the_solutions() -> None:
    whole = compose(SOLUTION, edits("@triton.jit\ndef kernel(x):\n    store(x)\n"))
    assert "store(x)" in whole
    assert "mask)" not in whole
    assert names(whole)[1:] == names(SOLUTION)[1:]


def test_a_constant_and_an_import_take_the_place_of_the_solutions() -> None:
    whole = compose(SOLUTION, edits("BLOCK = 16\n"))
    assert "BLOCK = 16" in whole
    assert "1024" not in whole


def test_what_is_new_stands_before_the_next_thing_that_the_solution_has() -> None:
    whole = compose(SOLUTION, edits("HALF = 2\n\n\ndef launch(x):\n    return HALF\n"))
    assert names(whole)[-3:] == ["kernel", "HALF", "launch"]


def test_what_is_new_and_last_stands_at_the_end() -> None:
    whole = compose(SOLUTION, edits("def after():\n    pass\n"))
    assert names(whole)[-1] == "after"


def test_the_header_stays_on_top() -> None:
    whole = compose(SOLUTION, edits("BLOCK = 16\n"))
    assert whole.startswith(f"# expect: failed test_a mask\n{BASE_LINE}\n# Why.\n")


def test_a_submission_without_the_header_line_is_whole_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_text("this is ( no Python")
    assert whole_text(file, tmp_path / "absent.py") == "this is ( no Python"


def test_edits_that_are_no_python_are_an_error_with_their_place(tmp_path: Path) -> None:
    file, solution = tmp_path / "a.py", tmp_path / "s.py"
    file.write_text(edits("def kernel(:\n"))
    solution.write_text(SOLUTION)
    with pytest.raises(EditsError, match=r"a.py: line 4"):
        whole_text(file, solution)


def test_the_command_prints_a_submission_whole(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    file = ROOT / SUBMISSIONS / "lesson01" / "wrong" / "no_store_mask.py"
    assert course_main(["compose", str(file)]) == 0
    assert "def add_rows(" in capsys.readouterr().out


@pytest.mark.parametrize("lesson", Course(ROOT).lessons(), ids=lambda lesson: lesson.name)
def test_every_kept_submission_of_the_course_is_python_when_whole(lesson: object) -> None:
    from grader.lesson import Lesson

    assert isinstance(lesson, Lesson)
    for file in sorted((ROOT / SUBMISSIONS / lesson.name).glob("*/*.py")):
        compile(whole_text(file, lesson.solution), str(file), "exec")
