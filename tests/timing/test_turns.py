"""Measurements on one GPU take turns, and nobody waits for good."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from grader.judge.timing.turns import turn

GPU = "GPU-12345678"
HOLDER = (
    "import sys\n"
    "from grader.judge.timing.turns import turn\n"
    f"with turn({GPU!r}) as alone:\n"
    "    print(alone, flush=True)\n"
    "    sys.stdin.read()\n"
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path))
    return tmp_path


def test_who_is_alone_measures_at_once() -> None:
    with turn(GPU, patience_s=0) as alone:
        assert alone


def test_while_one_measures_another_does_not() -> None:
    with turn(GPU), turn(GPU, patience_s=0) as alone:
        assert not alone


def test_on_different_gpus_all_measure_at_once() -> None:
    with turn(GPU), turn("GPU-87654321", patience_s=0) as alone:
        assert alone


def test_after_a_turn_it_is_the_next_ones() -> None:
    told: list[bool] = []
    let_go = threading.Event()

    def first() -> None:
        with turn(GPU) as alone:
            told.append(alone)
            holds.set()
            let_go.wait(60)

    holds = threading.Event()
    thread = threading.Thread(target=first)
    thread.start()
    assert holds.wait(60)
    let_go.set()
    with turn(GPU, patience_s=60) as alone:
        told.append(alone)
    thread.join()
    assert told == [True, True]


def test_an_error_while_measuring_lets_go() -> None:
    with pytest.raises(ZeroDivisionError), turn(GPU):
        1 // 0  # noqa: B018
    with turn(GPU, patience_s=0) as alone:
        assert alone


def test_a_grading_that_is_killed_holds_nobody_up(folder: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(folder)},
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "True\n"
        with turn(GPU, patience_s=0) as alone:
            assert not alone
        other.send_signal(signal.SIGKILL)
        other.wait()
    with turn(GPU, patience_s=0) as alone:
        assert alone


def test_a_file_that_another_user_made_serves_all(folder: Path) -> None:
    usual = os.umask(0o077)
    try:
        with turn(GPU):
            (file,) = folder.iterdir()
    finally:
        os.umask(usual)
    assert file.stat().st_mode & 0o777 == 0o444


def test_where_nothing_can_be_locked_it_is_measured_all_the_same(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(folder / "missing"))
    with turn(GPU, patience_s=0) as alone:
        assert not alone


def test_a_link_in_the_files_place_is_not_followed(folder: Path) -> None:
    target = folder / "somebody's"
    target.write_text("kept")
    (folder / f"grader-turn-{GPU}.lock").symlink_to(target)
    with turn(GPU, patience_s=0) as alone:
        assert not alone
    assert target.read_text() == "kept"
