"""The judge's folder for one worker."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from grader.sandbox import Room
from grader.sandbox.room import PREFIX, remove_leftovers

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.mark.usefixtures("temporary")
def test_files_of_one_name_do_not_meet() -> None:
    room = Room()
    first, second = room.place("lesson01.py", b"1"), room.place("lesson01.py", b"2")
    assert first != second
    assert [(room.files / path).read_bytes() for path in (first, second)] == [b"1", b"2"]
    assert (room.files / first).name == "lesson01.py"
    room.close()
    assert not room.path.exists()
    room.close()  # a second time does no harm


@pytest.mark.usefixtures("temporary")
def test_another_user_may_read_what_is_placed_whatever_the_judges_umask() -> None:
    before = os.umask(0o077)
    try:
        room = Room()
        path = room.files / room.place("lesson01.py", b"")
    finally:
        os.umask(before)
    assert room.path.stat().st_mode & 0o777 == 0o700  # but nobody finds the way from outside
    for part in (room.files, path.parent):
        assert part.stat().st_mode & 0o777 == 0o755
    assert path.stat().st_mode & 0o777 == 0o644
    room.close()


def test_a_folder_that_was_swapped_for_a_link_is_not_written_through(temporary: Path) -> None:
    room, victim = Room(), temporary / "victim"
    victim.mkdir()
    room.files.rename(room.path / "moved")
    room.files.symlink_to(victim)
    room.place("course.py", b"text")
    assert list(victim.iterdir()) == []
    room.close()


@pytest.mark.usefixtures("temporary")
def test_folders_nested_deeper_than_the_stack_are_removed_too() -> None:
    room, here = Room(), os.open(".", os.O_RDONLY)
    os.chdir(room.work)
    for _ in range(1500):
        os.mkdir("d")
        os.chdir("d")
    os.fchdir(here)
    os.close(here)
    room.close()
    assert not room.path.exists()


KILLED = """
import os, signal, sys, tempfile
tempfile.tempdir = sys.argv[1]
from grader.sandbox import Room
Room().place("lesson01.py", b"")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_judge_left_is_removed_and_nothing_else(temporary: Path) -> None:
    in_use = Room()
    strange = temporary / f"{PREFIX}somebody-elses"
    strange.mkdir()
    locked = temporary / f"{PREFIX}with-another-lock"
    locked.mkdir()
    (locked / "judge.lock").write_text("not ours")
    linked = temporary / f"{PREFIX}link"
    linked.symlink_to(strange)
    judge = subprocess.run([sys.executable, "-c", KILLED, str(temporary)], cwd=CHECKOUT)
    assert judge.returncode == -signal.SIGKILL
    (left,) = set(temporary.glob(f"{PREFIX}*")) - {in_use.path, strange, locked, linked}
    remove_leftovers.cache_clear()
    remove_leftovers(temporary)
    assert not left.exists()
    for kept in (in_use.path, strange, locked, linked):
        assert kept.exists()
    in_use.close()
