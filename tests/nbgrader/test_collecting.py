"""``nbgrader collect`` reads what students wrote into the exchange, and nothing besides."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from nbgrader.exchange import ExchangeFactory
from traitlets.config import Config

from grader.lms.collecting import CollectPlainFiles
from grader.lms.intake import REMARKS, remarks
from tests.nbgrader.lecture import NOTEBOOK, Lecture

TIME = "2026-03-01 12:00:00.000000 UTC"


@pytest.fixture
def inbound(lecture: Lecture) -> Path:
    folder = lecture.root / "exchange" / "demo" / "inbound"
    folder.mkdir(parents=True)
    return folder


def _submit(inbound: Path, lecture: Lecture, student: str, time: str = TIME) -> Path:
    """What ``nbgrader submit`` writes."""
    folder = inbound / f"{student}+lesson01+{time}+aSecret"
    folder.mkdir()
    released = lecture.root / "release" / "lesson01"
    for name in (NOTEBOOK, "lesson01.py"):
        (folder / name).write_bytes((released / name).read_bytes())
    (folder / "timestamp.txt").write_text(time)
    return folder


def _collect(lecture: Lecture, config: Config | None = None) -> None:
    coursedir = lecture.api(config).coursedir
    coursedir.assignment_id = "lesson01"
    config = config or lecture.config()
    collect = ExchangeFactory(config=config).Collect(coursedir=coursedir, config=config)
    assert isinstance(collect, CollectPlainFiles)
    collect.start()


def _collected(lecture: Lecture, student: str) -> Path:
    return lecture.root / "submitted" / student / "lesson01"


def test_what_was_handed_in_is_collected_with_its_time(lecture: Lecture, inbound: Path) -> None:
    _submit(inbound, lecture, "alice")
    _collect(lecture)
    names = sorted(path.name for path in _collected(lecture, "alice").iterdir())
    assert names == [NOTEBOOK, "lesson01.py", "timestamp.txt"]
    assert (_collected(lecture, "alice") / "timestamp.txt").read_text() == TIME


def test_a_link_to_what_only_the_instructor_can_read_is_left_out(
    lecture: Lecture, inbound: Path
) -> None:
    secret = lecture.root / "solution.py"
    secret.write_text("the solution")
    folder = _submit(inbound, lecture, "eve")
    (folder / "lesson01.py").unlink()
    (folder / "lesson01.py").symlink_to(secret)
    (folder / "all").symlink_to(lecture.root)
    _collect(lecture)
    assert not (_collected(lecture, "eve") / "lesson01.py").exists()
    assert not (_collected(lecture, "eve") / "all").exists()
    assert any("symbolic link" in line for line in remarks(_collected(lecture, "eve")))


def test_a_submission_that_is_a_link_itself_is_not_collected(
    lecture: Lecture, inbound: Path
) -> None:
    _submit(inbound, lecture, "alice")
    (inbound / f"eve+lesson01+{TIME}+x").symlink_to(lecture.root)
    _collect(lecture)
    assert _collected(lecture, "alice").is_dir()
    assert not _collected(lecture, "eve").exists()


@pytest.mark.parametrize("time", ["yesterday", "", "2026-99-99"])
def test_a_folder_without_a_time_in_its_name_stops_nobody(
    lecture: Lecture, inbound: Path, time: str
) -> None:
    _submit(inbound, lecture, "alice")
    (inbound / f"eve+lesson01+{time}+x").mkdir()
    (inbound / f"alice+lesson01+{time}+x").mkdir()
    _collect(lecture)
    assert (_collected(lecture, "alice") / "lesson01.py").is_file()
    assert not _collected(lecture, "eve").exists()


def test_huge_files_are_left_out_and_the_rest_is_kept(lecture: Lecture, inbound: Path) -> None:
    folder = _submit(inbound, lecture, "alice")
    with (folder / "data.bin").open("wb") as file:
        file.truncate(200_000_000)
    with (folder / "lesson01.py").open("wb") as file:
        file.truncate(50_000_000)
    _collect(lecture)
    names = sorted(path.name for path in _collected(lecture, "alice").iterdir())
    assert names == [NOTEBOOK, REMARKS, "timestamp.txt"]


def test_thousands_of_files_are_cut_off(lecture: Lecture, inbound: Path) -> None:
    folder = _submit(inbound, lecture, "alice")
    for number in range(600):
        (folder / f"z{number}").touch()
    _collect(lecture)
    assert any("More than 500 files" in line for line in remarks(_collected(lecture, "alice")))
    assert (_collected(lecture, "alice") / "lesson01.py").is_file()


def test_an_empty_submission_is_made_gradable(lecture: Lecture, inbound: Path) -> None:
    (inbound / f"alice+lesson01+{TIME}+x").mkdir()
    _collect(lecture)
    assert (_collected(lecture, "alice") / NOTEBOOK).is_file()
    assert "was missing" in remarks(_collected(lecture, "alice"))[0]


def test_the_time_in_the_name_counts_not_the_one_in_the_file(
    lecture: Lecture, inbound: Path
) -> None:
    folder = _submit(inbound, lecture, "alice")
    (folder / "timestamp.txt").write_text("2020-01-01 00:00:00 UTC")
    _collect(lecture)
    assert (_collected(lecture, "alice") / "timestamp.txt").read_text() == TIME


def test_ignored_files_stay_behind(lecture: Lecture, inbound: Path) -> None:
    folder = _submit(inbound, lecture, "alice")
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "lesson01.cpython-311.pyc").touch()
    _collect(lecture)
    assert not (_collected(lecture, "alice") / "__pycache__").exists()


def test_a_newer_submission_replaces_an_older_one(lecture: Lecture, inbound: Path) -> None:
    _submit(inbound, lecture, "alice")
    _collect(lecture)
    newer = TIME.replace("12:00", "13:00")
    (_submit(inbound, lecture, "alice", newer) / "lesson01.py").write_text("# newer\n")
    config = lecture.config()
    config.ExchangeCollect.update = True
    _collect(lecture, config)
    assert (_collected(lecture, "alice") / "lesson01.py").read_text() == "# newer\n"
    assert os.listdir(_collected(lecture, "alice").parent) == ["lesson01"]
