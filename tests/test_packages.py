"""What is built to be handed out holds the course, and nothing that would solve it."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

import pytest

from grader.authoring.markers import BEGIN
from grader.lesson import Course

ROOT = Path(__file__).parents[1]
COURSE = Course(ROOT)
LESSONS = COURSE.names()
pytest.importorskip("hatchling")


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, bytes]]:
    """Files by name of a freshly built wheel and source archive."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
    wheel, archive = next(folder.glob("*.whl")), next(folder.glob("*.tar.gz"))
    with zipfile.ZipFile(wheel) as file:
        in_wheel = {name: file.read(name) for name in file.namelist()}
    with tarfile.open(archive) as tar:
        members = {member.name.partition("/")[2]: member for member in tar if member.isfile()}
        in_archive = {name: tar.extractfile(member).read() for name, member in members.items()}
    return {"wheel": in_wheel, "archive": in_archive}


@pytest.mark.parametrize("lesson", LESSONS)
@pytest.mark.parametrize(("kind", "prefix"), [("wheel", "grader/data/"), ("archive", "")])
def test_every_lesson_is_in_it(
    packages: dict[str, dict[str, bytes]], kind: str, prefix: str, lesson: str
) -> None:
    wanted = {
        f"{prefix}course/{lesson}/lesson.toml",
        f"{prefix}course/{lesson}/reference.py",
        f"{prefix}course/{lesson}/hints.md",
        f"{prefix}course/source/{lesson}/{lesson}.py",
        f"{prefix}exercises/{lesson}/{lesson}.py",
    }
    wanted |= {f"{prefix}course/{lesson}/{file.name}" for file in COURSE.lesson(lesson).test_files}
    assert wanted <= packages[kind].keys()


@pytest.mark.parametrize("kind", ["wheel", "archive"])
def test_no_solution_test_or_hidden_case_is_in_it(
    packages: dict[str, dict[str, bytes]], kind: str
) -> None:
    folders = {part for name in packages[kind] for part in PurePosixPath(name).parts[:-1]}
    assert folders.isdisjoint({"solutions", "tests", "hidden", "__pycache__"})


@pytest.mark.parametrize("kind", ["wheel", "archive"])
def test_no_marked_solution_is_in_it(packages: dict[str, dict[str, bytes]], kind: str) -> None:
    marked = {
        name for name, content in packages[kind].items() if f"\n    {BEGIN}\n".encode() in content
    }
    assert marked <= {"grader/authoring/stub/solution.txt"}  # what a new lesson begins as


def test_a_wheel_holds_the_graders_own_data(packages: dict[str, dict[str, bytes]]) -> None:
    data = {path.relative_to(ROOT).as_posix() for path in (ROOT / "grader").rglob("*.ini")}
    data |= {path.relative_to(ROOT).as_posix() for path in (ROOT / "grader").rglob("*.css")}
    assert data <= packages["wheel"].keys()
