"""``--watch``: grade again when the file holds something else."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest

from grader.cli import grade_main
from grader.commands import grading, watching
from grader.commands.watching import saves
from grader.errors import WorkerStartError
from tests.cli.conftest import FakeRun


def script(*steps: Callable[[], object]) -> Callable[[float], None]:
    """A pause that does the next step instead of waiting, then is interrupted as by Ctrl-C."""
    left = list(steps)

    def pause(seconds: float) -> None:
        if not left:
            raise KeyboardInterrupt
        left.pop(0)()

    return pause


def count(file: Path, *steps: Callable[[], object]) -> int:
    """How often the file is graded while these things happen to it."""
    seen: list[None] = []
    with pytest.raises(KeyboardInterrupt):
        seen.extend(saves(file, script(*steps)))
    return len(seen)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file to watch."""
    path = tmp_path / "lesson01.py"
    path.write_text("one")
    return path


def test_a_file_is_graded_at_once_and_after_each_change(file: Path) -> None:
    assert count(file) == 1
    assert count(file, lambda: file.write_text("three"), lambda: file.write_text("fifth")) == 3


def test_saving_without_a_change_grades_nothing(file: Path) -> None:
    assert count(file, lambda: os.utime(file, (1, 1)), lambda: file.write_text("one")) == 1


def test_an_editor_may_replace_the_file(file: Path) -> None:
    assert count(file, file.unlink, lambda: None, lambda: file.write_text("other")) == 2


def test_a_change_while_grading_is_not_missed(file: Path) -> None:
    changes = saves(file, script())
    next(changes)
    file.write_text("changed while it was graded")
    assert len(list(islice(changes, 1))) == 1


def test_watching_shows_each_report_and_ends_with_the_last_exit_code(
    run: FakeRun, course: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = course / "exercises/lesson01/lesson01.py"

    def fail_once() -> None:
        if len(run.requests) == 2:
            raise WorkerStartError("no worker")

    run.before = fail_once
    steps = [lambda: file.write_text("x = 2"), lambda: file.write_text("x = 33")]
    monkeypatch.setattr(grading, "saves", lambda path: watching.saves(path, script(*steps)))
    assert grade_main(["1", "--watch", "--json", "a.json"]) == 0
    out, err = capsys.readouterr()
    assert len(run.requests) == 3
    assert out.count("Score 4/4") == 2
    assert out.count("Saved at") == 3
    assert "error: no worker" in err
    assert (course / "a.json").is_file()
