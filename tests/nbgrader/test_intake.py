"""A submission is read as plain files of a reasonable size, and made gradable or refused."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from grader.lms.intake import (
    MOST_BYTES_OF_A_LESSON,
    REMARKS,
    RefusedFileError,
    add_remarks,
    make_gradable,
    read_plain_file,
    remarks,
)
from tests.nbgrader.lecture import NOTEBOOK, Lecture


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def release(released: Lecture) -> Path:
    return released.root / "release" / "lesson01"


def test_a_plain_file_is_read(folder: Path) -> None:
    (folder / "lesson01.py").write_text("x = 1\n")
    assert read_plain_file("lesson01.py", folder) == b"x = 1\n"


def test_a_link_is_refused_wherever_it_leads(folder: Path) -> None:
    (folder / "secret").write_text("solution")
    (folder / "lesson01.py").symlink_to("secret")
    with pytest.raises(RefusedFileError, match="symbolic link"):
        read_plain_file("lesson01.py", folder)


def test_a_dangling_link_is_refused(folder: Path) -> None:
    (folder / "lesson01.py").symlink_to("nowhere")
    with pytest.raises(RefusedFileError, match="symbolic link"):
        read_plain_file("lesson01.py", folder)


def test_a_hard_link_is_refused(folder: Path) -> None:
    (folder / "secret").write_text("solution")
    os.link(folder / "secret", folder / "lesson01.py")
    with pytest.raises(RefusedFileError, match="hard link"):
        read_plain_file("lesson01.py", folder)


def test_a_pipe_is_refused_and_not_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "lesson01.py")
    with pytest.raises(RefusedFileError, match="no regular file"):
        read_plain_file("lesson01.py", folder)


def test_a_folder_is_refused(folder: Path) -> None:
    (folder / "lesson01.py").mkdir()
    with pytest.raises(RefusedFileError, match="no regular file"):
        read_plain_file("lesson01.py", folder)


def test_a_huge_file_is_refused_without_being_read(folder: Path) -> None:
    with (folder / "lesson01.py").open("wb") as file:
        file.truncate(50_000_000)
    with pytest.raises(RefusedFileError, match=r"50\.0 MB; at most 1\.0 MB"):
        read_plain_file("lesson01.py", folder)


def test_a_file_of_just_the_limit_is_read(folder: Path) -> None:
    (folder / "lesson01.py").write_bytes(b"#" * MOST_BYTES_OF_A_LESSON)
    assert len(read_plain_file("lesson01.py", folder)) == MOST_BYTES_OF_A_LESSON


def test_a_missing_file_is_missing(folder: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_plain_file("lesson01.py", folder)


def test_remarks_are_kept_once_and_on_one_line(folder: Path) -> None:
    add_remarks(folder, ["one", "two\nlines\x1b[31m"])
    add_remarks(folder, ["one"])
    assert remarks(folder) == ["one", "two?lines?[31m"]


def test_a_sound_submission_is_left_alone(folder: Path, release: Path) -> None:
    (folder / NOTEBOOK).write_bytes((release / NOTEBOOK).read_bytes())
    (folder / "lesson01.py").write_text("x = 1\n")
    make_gradable(folder, release)
    assert sorted(path.name for path in folder.iterdir()) == [NOTEBOOK, "lesson01.py"]
    assert (folder / NOTEBOOK).read_bytes() == (release / NOTEBOOK).read_bytes()


def test_a_missing_notebook_is_replaced_by_the_released_one(folder: Path, release: Path) -> None:
    make_gradable(folder, release)
    assert json.loads((folder / NOTEBOOK).read_text())["cells"]
    assert "was missing" in remarks(folder)[0]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not json",
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b"{}",
        b'{"cells": [], "nbformat": 9, "nbformat_minor": 9, "metadata": {}}',
        b'{"cells": [{}], "nbformat": 4, "nbformat_minor": 5, "metadata": {}}',
    ],
)
def test_an_unreadable_notebook_is_replaced_and_kept_beside(
    folder: Path, release: Path, content: bytes
) -> None:
    (folder / NOTEBOOK).write_bytes(content)
    make_gradable(folder, release)
    assert json.loads((folder / NOTEBOOK).read_text())["cells"]
    assert (folder / f"{NOTEBOOK}.unreadable").read_bytes() == content
    assert "no valid notebook" in remarks(folder)[0]


def test_an_answer_in_an_invalid_notebook_is_saved(folder: Path, release: Path) -> None:
    notebook = json.loads((release / NOTEBOOK).read_text())
    notebook["cells"][-1]["source"] = "For the tail."
    notebook["cells"][0] = {"cell_type": "nonsense"}
    (folder / NOTEBOOK).write_text(json.dumps(notebook))
    make_gradable(folder, release)
    assert json.loads((folder / NOTEBOOK).read_text())["cells"][-1]["source"] == ["For the tail."]


def test_links_and_pipes_go_and_are_told_of(folder: Path, release: Path) -> None:
    (folder / NOTEBOOK).symlink_to("/etc/hostname")
    (folder / "more").symlink_to("/etc")
    os.mkfifo(folder / "pipe")
    make_gradable(folder, release)
    assert not any(path.is_symlink() or path.is_fifo() for path in folder.iterdir())
    assert len(remarks(folder)) == 4  # the notebook is missing then


def test_a_time_that_is_none_goes(folder: Path, release: Path) -> None:
    (folder / "timestamp.txt").write_text("once upon a time")
    make_gradable(folder, release)
    assert not (folder / "timestamp.txt").exists()
    assert "held no time" in remarks(folder)[0]


@pytest.mark.parametrize(
    "name", ["..lesson01.py", "...", "a..b", "..\\..\\x", "new\nline", "\udcff"]
)
def test_a_strange_name_is_only_a_name(folder: Path, release: Path, name: str) -> None:
    (folder / name).write_text("x")
    make_gradable(folder, release)
    assert (folder / name).read_text() == "x"


def test_a_student_cannot_leave_remarks_as_a_link(folder: Path, release: Path) -> None:
    secret = folder.parent / "secret"
    secret.write_text("solution")
    (folder / REMARKS).symlink_to(secret)
    make_gradable(folder, release)
    assert secret.read_text() == "solution"
    assert not (folder / REMARKS).is_symlink()
