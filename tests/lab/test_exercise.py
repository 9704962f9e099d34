from __future__ import annotations

from pathlib import Path

import pytest
import torch

from grader import lab
from grader.lab.exercise import explain

SOLUTION = Path(__file__).parents[2] / "solutions" / "lesson01.py"
SKELETON = Path(__file__).parents[2] / "course" / "source" / "lesson01" / "lesson01.py"


@pytest.fixture
def saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A student's lesson01.py in the working folder: the skeleton."""
    file = tmp_path / "lesson01.py"
    file.write_text(SKELETON.read_text())
    monkeypatch.setenv("GRADER_COURSE", str(SOLUTION.parents[1]))
    monkeypatch.chdir(tmp_path)
    return file


def test_an_unfinished_function_says_what_is_left(saved: Path) -> None:
    mine = lab.exercise("lesson01")
    with pytest.raises(lab.Unfinished, match="not started yet"):
        mine.add(torch.ones(3), torch.ones(3))
    assert "saxpy: not started yet" in repr(mine)


def test_the_file_is_read_anew_after_each_save(saved: Path) -> None:
    mine = lab.exercise("lesson01")
    x = torch.ones(5)
    assert lab.attempt(lambda: mine.add(x, x)) is None
    saved.write_text(SOLUTION.read_text())
    assert mine.add(x, x).tolist() == [2.0] * 5
    saved.write_text(SOLUTION.read_text().replace("x + y, mask", "x - y, mask"))
    assert mine.add(x, x).tolist() == [0.0] * 5


def test_a_call_costs_no_second_look_at_the_file(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved.write_text(SOLUTION.read_text())
    mine, x = lab.exercise("lesson01"), torch.ones(5)
    mine.add(x, x)
    monkeypatch.setattr(type(mine), "remark", lambda *_: pytest.fail("looked at the file again"))
    assert mine.add(x, x).tolist() == [2.0] * 5


def test_an_attempt_prints_and_goes_on(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = lab.exercise("lesson01")
    assert lab.attempt(lambda: mine.add(1, 2)) is None
    assert "not started yet" in capsys.readouterr().out
    assert lab.attempt(lambda: 1 // 0) is None
    assert "ZeroDivisionError" in capsys.readouterr().out


def test_a_file_that_is_not_python_is_a_remark_with_its_line(saved: Path) -> None:
    saved.write_text("def add(x, y):\n    return (x\n")
    assert "line 2" in lab.exercise("lesson01").add.remark


def test_other_names_of_the_file_are_there_as_they_are(saved: Path) -> None:
    saved.write_text(SOLUTION.read_text())
    mine = lab.exercise("lesson01")
    assert mine.BLOCK == 1024
    assert mine.add_kernel.__name__ == "add_kernel"


def test_a_picture_of_an_unfinished_function_says_so(saved: Path) -> None:
    mine = lab.exercise("lesson01")
    seen = lab.touches(lambda: mine.add(torch.ones(3), torch.ones(3)))
    assert "not started yet" in seen.plot("x_ptr").says
    assert "not started yet" in str(seen.table())


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("no\nmore"), "It raised ValueError: no"),
        (ValueError(), "It raised ValueError"),
        (
            RuntimeError("at 30:13:\n    height = min(a, b)\n             ^\nno such thing"),
            "It raised RuntimeError: at 30:13: no such thing",
        ),
        (RuntimeError("at 30:13:"), "It raised RuntimeError: at 30:13:"),
    ],
)
def test_an_exception_is_told_in_one_line(error: Exception, line: str) -> None:
    assert explain(error) == line
