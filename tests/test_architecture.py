"""The rooms of the grader, and what each may know, held by reading the source.

The table below is the architecture: a room that is not in it, or that imports what its line
does not name, fails here. ``docs/design.md`` says why the lines run as they do.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
GRADER = ROOT / "grader"
MOST_LINES = 300

VOCABULARY = {"errors", "results", "lesson"}

# Which rooms a room may import, apart from itself. Bottom first.
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "results": {"errors"},
    "lesson_file": {"errors"},
    "lesson": {"errors", "lesson_file"},
    "lesson_tests": {"errors", "lesson"},
    "gpu_targets": {"errors"},
    "units": set(),
    "definitions": set(),
    "policy": {"definitions", "lesson"},
    "testing": {"results"},
    "cases": {"errors", "lesson", "course_files"},
    # The wire is all that the two sides have in common.
    "protocol": set(),
    "scenarios": set(),
    "course_files": {"errors"},
    "worker": {"protocol", "scenarios", "course_files"},
    "sandbox": {"errors"},
    "judge": VOCABULARY
    | {"testing", "protocol", "sandbox", "units", "course_files", "definitions", "policy"},
    "plugin": VOCABULARY | {"testing", "cases", "course_files", "protocol", "judge"},
    "run": VOCABULARY | {"lesson_tests", "gpu_targets", "sandbox", "scenarios", "judge", "plugin"},
    "receipt": VOCABULARY | {"run"},
    # A report shows what was found out; it never finds out anything.
    "report": VOCABULARY | {"lesson_tests", "units", "sandbox.levels"},
    "commands": VOCABULARY | {"lesson_tests", "gpu_targets", "receipt", "report", "run"},
    "lms": VOCABULARY | {"lesson_tests", "sandbox", "judge.source", "run", "report"},
    "authoring": VOCABULARY
    | {"lesson_tests", "gpu_targets", "definitions", "policy", "sandbox", "judge"}
    | {"run", "receipt", "report", "lms.assignment"},
    # Runs in a student's notebook: it may watch kernels and measure, and knows no verdict.
    "lab": {"errors", "lesson", "units", "definitions", "worker.dispatch", "worker.interpreter"}
    | {"judge.timing", "judge.skeleton_state"},
    "cli": VOCABULARY
    | {"lesson_tests", "gpu_targets", "commands", "receipt", "report", "authoring", "sandbox"},
}

# Files that belong to a room without bearing its name.
ROOM_OF = {"course_cli": "cli", "__main__": "cli"}

# Rooms that must answer at once: none of them may load torch.
QUICK = ["grader.cli", "grader.course_cli", "grader.lesson_tests", "grader.report.terminal"]

# A path of somebody's machine has no place in a file of the project.
PRIVATE_PATH = re.compile(r"(?<![\w.~])/(?:home|root|Users|work)/[\w.-]")
TEXT = {".py", ".md", ".toml", ".txt", ".json", ".ipynb", ".ini", ".css", ".html", ".yml", ""}


def modules() -> list[Path]:
    return sorted(path for path in GRADER.rglob("*.py") if path != GRADER / "__init__.py")


def room(path: Path) -> str:
    name = path.relative_to(GRADER).parts[0].removesuffix(".py")
    return ROOM_OF.get(name, name)


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """Line and dotted name below ``grader`` of each import, wherever it stands in the file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import; write it in full"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            if name.startswith("grader.") and name != "grader.__version__":
                yield node.lineno, name.removeprefix("grader.")


def is_allowed(name: str, importer: str) -> bool:
    first = name.partition(".")[0]
    rooms = MAY_IMPORT[importer] | {importer}
    return ROOM_OF.get(first, first) in rooms or any(
        name == other or name.startswith(f"{other}.") for other in rooms
    )


def project_files() -> list[Path]:
    """All files that are, or would be, committed."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    paths = (ROOT / name for name in listed.stdout.split("\0") if name)
    return [path for path in paths if path.is_file() and path.suffix in TEXT]


def test_a_room_imports_only_what_the_table_allows() -> None:
    missing = {room(path) for path in modules()} - MAY_IMPORT.keys()
    assert missing == set(), "rooms that are in no line of the table above"
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: {room(path)} must not know {name}"
        for path in modules()
        for line, name in imported(path)
        if not is_allowed(name, room(path))
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("importer", "name", "allowed"),
    [
        ("judge", "worker.main", False),
        ("judge", "plugin", False),
        ("judge", "judge.call.Call", True),
        ("worker", "judge.stubs", False),
        ("worker", "protocol.frames", True),
        ("report", "judge.session.Session", False),
        ("report", "judge.timing.roofline.Work", False),
        ("cli", "course_cli.app", True),
    ],
)
def test_the_table_is_read_as_meant(importer: str, name: str, allowed: bool) -> None:
    assert is_allowed(name, importer) is allowed


def test_the_table_has_no_circle() -> None:
    graph = {name: {known.partition(".")[0] for known in MAY_IMPORT[name]} for name in MAY_IMPORT}
    assert set(TopologicalSorter(graph).static_order()) == MAY_IMPORT.keys()


def test_neither_side_of_the_wire_knows_the_other() -> None:
    assert not MAY_IMPORT["worker"] & {*VOCABULARY, "testing", "judge", "plugin", "run"}
    knows_the_worker = [name for name, known in MAY_IMPORT.items() if "worker" in known]
    assert knows_the_worker == []


@pytest.mark.parametrize("name", QUICK)
def test_help_and_hints_do_not_wait_for_torch(name: str) -> None:
    code = (
        f"import sys, {name}; print(sorted({{'torch', 'triton', 'nbgrader'}} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]"


def test_a_file_has_one_subject() -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in modules()
    }
    assert {name: lines for name, lines in lengths.items() if lines > MOST_LINES} == {}


def test_no_file_names_a_folder_of_somebodys_machine() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}"
        for path in project_files()
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), start=1)
        if PRIVATE_PATH.search(line)
    ]
    assert found == []
