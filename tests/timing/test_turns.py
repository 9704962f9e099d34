"""Timed batches on one GPU take turns, and nobody waits for good."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from grader.judge.timing import turns
from grader.judge.timing.turns import turn

GPU = "GPU-12345678"
HOLDER = (
    "import pathlib, sys\n"
    "from grader.judge.timing import turns\n"
    "turns.FOLDERS = (pathlib.Path(sys.argv[1]),)\n"
    f"with turns.turn({GPU!r}) as contended:\n"
    "    print(contended, flush=True)\n"
    "    sys.stdin.read()\n"
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(turns, "FOLDERS", (tmp_path,))
    return tmp_path


def test_who_is_alone_measures_at_once() -> None:
    with turn(GPU, patience_s=0) as contended:
        assert not contended


def test_who_waits_in_vain_is_told() -> None:
    with turn(GPU), turn(GPU, patience_s=0) as contended:
        assert contended


def test_on_different_gpus_all_measure_at_once() -> None:
    with turn(GPU), turn("GPU-87654321", patience_s=0) as contended:
        assert not contended


def test_who_waits_gets_the_next_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    first = turn(GPU)
    first.__enter__()
    waited: list[float] = []

    def let_go(seconds: float) -> None:
        waited.append(seconds)
        first.__exit__(None, None, None)

    monkeypatch.setattr(turns.time, "sleep", let_go)
    with turn(GPU, patience_s=60) as contended:
        assert not contended
    assert len(waited) == 1


def test_an_error_while_measuring_lets_go() -> None:
    with pytest.raises(ZeroDivisionError), turn(GPU):
        1 // 0  # noqa: B018
    with turn(GPU, patience_s=0) as contended:
        assert not contended


def test_a_grading_that_is_killed_holds_nobody_up(folder: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "False\n"
        with turn(GPU, patience_s=0) as contended:
            assert contended
        other.send_signal(signal.SIGKILL)
        other.wait()
    with turn(GPU, patience_s=0) as contended:
        assert not contended


def test_a_file_that_another_user_made_serves_all(folder: Path) -> None:
    usual = os.umask(0o077)
    try:
        with turn(GPU):
            (file,) = folder.iterdir()
    finally:
        os.umask(usual)
    assert file.stat().st_mode & 0o777 == 0o444


def test_the_first_folder_that_serves_is_taken(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "FOLDERS", (folder / "missing", folder))
    with turn(GPU), turn(GPU, patience_s=0) as contended:
        assert contended


def test_where_there_is_no_folder_it_is_measured_all_the_same(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "FOLDERS", (folder / "missing",))
    with turn(GPU), turn(GPU, patience_s=0) as contended:
        assert not contended


@pytest.mark.parametrize("number", [errno.EBADF, errno.ENOLCK, errno.EOPNOTSUPP])
def test_where_files_cannot_be_locked_it_is_measured_all_the_same(
    monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, "no locks here")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with turn(GPU, patience_s=0) as contended:
        assert not contended


def test_a_link_in_the_files_place_is_not_followed(folder: Path) -> None:
    target = folder / "somebody's"
    target.write_text("kept")
    (folder / f"grader-turn-{GPU}.lock").symlink_to(target)
    with turn(GPU), turn(GPU, patience_s=0) as contended:
        assert not contended
    assert target.read_text() == "kept"
