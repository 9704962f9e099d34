"""A whole term in small: nbgrader's own commands, from nothing to feedback, with the real judge."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from grader.lesson import Course
from tests.nbgrader.lecture import Lecture, solution, tiny_course

ROOT = Path(__file__).parents[2]
COMMANDS = Path(__file__).with_name("commands.py")

# Two accounts that every Linux has; a student is known by the name of the account.
ACCOUNTS = ("nobody", "daemon")

HALF_RIGHT = solution().replace("-tl.load", "tl.load")
WRONG = HALF_RIGHT.replace("2 * tl.load", "3 * tl.load")
# Each of these earns points in stock nbgrader, or tries to reach the judge.
CHEATING = """\
import builtins, sys

import torch

sys.displayhook(2.0)
print("2.0")
builtins.isinstance = lambda *_: True
torch.equal = torch.allclose = lambda *_, **__: True


def double(x: torch.Tensor) -> torch.Tensor:
    return 2 * x


def negate(x: torch.Tensor) -> torch.Tensor:
    return -x
"""
CRASHING = "import os, signal\n\nos.kill(os.getpid(), signal.SIGSEGV)\n"
HANDED_IN = {
    "full": solution(),
    "partial": HALF_RIGHT,
    "wrong": WRONG,
    "cheating": CHEATING,
    "crashing": CRASHING,
}


@dataclass(frozen=True)
class Term:
    """Folders of a course that was quickstarted, released, handed in, graded and reported.

    Attributes:
        root: Folder of everything; readable by all accounts.
        course: The tiny course.
        students: Id of the student who handed in each kind of submission.
        log: What the commands printed.
        codes: Exit codes of the grading commands.
    """

    root: Path
    course: Course
    students: dict[str, str]
    log: list[str] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        return self.root / "demo"

    @cached_property
    def lecture(self) -> Lecture:
        return Lecture(self.folder, self.course)

    def run(self, folder: Path, *commands: str) -> list[int]:
        """Run commands of nbgrader in a folder; their exit codes."""
        done = subprocess.run(
            [sys.executable, str(COMMANDS), str(folder), *commands],
            env=self._environment(folder),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.log.append(done.stdout)
        codes: list[int] = json.loads(done.stdout.strip().splitlines()[-1])
        return codes

    def _environment(self, home: Path) -> dict[str, str]:
        return {
            **os.environ,
            "HOME": str(home),
            "PYTHONPATH": str(ROOT),
            "JUPYTER_CONFIG_DIR": str(home / ".jupyter"),
            "JUPYTER_DATA_DIR": str(home / ".jupyter-data"),
            "NO_COLOR": "1",
        }

    def row(self, kind: str) -> dict[str, str]:
        """The line of the exported CSV for a kind of submission."""
        with (self.folder / "grades.csv").open(newline="") as file:
            rows = [row for row in csv.DictReader(file) if row["assignment"] == "lesson01"]
        return next(row for row in rows if row["student_id"] == self.students[kind])

    def page(self, kind: str) -> str:
        """The feedback of a kind of submission."""
        folder = self.folder / "feedback" / self.students[kind] / "lesson01"
        return (folder / "01_Tiny.html").read_text()


@contextlib.contextmanager
def whole_term() -> Iterator[Term]:
    """Go through a term once."""
    # Not pytest's folder, which other accounts cannot enter.
    with tempfile.TemporaryDirectory(prefix="term-") as folder:
        root = Path(folder)
        root.chmod(0o755)
        accounts = ACCOUNTS if os.geteuid() == 0 else (None, None)
        names = [account or name for account, name in zip(accounts, ("ann", "ben"), strict=True)]
        kinds = ("full", "partial", "wrong", "cheating", "crashing", "empty")
        students = dict(zip(kinds, [*names, "carol", "dave", "erin", "frank"], strict=True))
        term = Term(root, tiny_course(root / "tiny"), students)
        _release(term)
        _hand_in(term, dict(zip(names, accounts, strict=True)))
        yield term


def _release(term: Term) -> None:
    exchange = term.root / "exchange"
    exchange.mkdir()
    exchange.chmod(0o777)
    ours = term.root / "ours.py"
    ours.write_text(
        f"\nc.Exchange.root = {str(exchange)!r}\n"
        # The submissions of these tests are the project's own, and CI may be unable to confine.
        "c.GradeOutOfProcess.allow_unconfined = True\n"
        f"from grader.lms import configure; configure(c, course={str(term.course.root)!r})\n"
    )
    codes = term.run(
        term.root,
        "quickstart demo",
        "cd demo",
        f"append {ours} nbgrader_config.py",
        f"copy {term.course.root}/course/source/lesson01 source/lesson01",
        "generate_assignment lesson01",
        "db assignment add lesson01 --duedate=2099-01-01",
        "release_assignment lesson01",
    )
    assert codes == [0] * 4, term.log


def _hand_in(term: Term, accounts: dict[str, str | None]) -> None:
    """Two students fetch and submit as Unix users; for the others the instructor submits."""
    by_instructor: list[str] = []
    for kind, student in term.students.items():
        account = accounts.get(student)
        home = _home(term, kind, student)
        if account:
            shutil.chown(home, account)
            codes = term.run(
                home,
                f"as {account}",
                "fetch_assignment lesson01",
                "copy handed-in.py lesson01/lesson01.py",
                "submit lesson01",
            )
            assert codes == [0, 0], term.log
            continue
        shutil.copytree(term.folder / "release/lesson01", home / "lesson01")
        if kind == "empty":
            shutil.rmtree(home / "lesson01")
            (home / "lesson01").mkdir()
        else:
            shutil.copyfile(home / "handed-in.py", home / "lesson01/lesson01.py")
        by_instructor += [f"cd {home}", f"submit lesson01 --student={student}"]
    _grade(term, by_instructor)


def _home(term: Term, kind: str, student: str) -> Path:
    home = term.root / "homes" / student
    home.mkdir(parents=True)
    (home / "nbgrader_config.py").write_text(
        f"c = get_config()\nc.Exchange.root = {str(term.root / 'exchange')!r}\n"
        f'c.CourseDirectory.course_id = "demo"\nc.Exchange.assignment_dir = {str(home)!r}\n'
    )
    (home / "handed-in.py").write_text(HANDED_IN.get(kind, ""))
    return home


def _grade(term: Term, first: list[str]) -> None:
    codes = term.run(
        term.root,
        *first,
        f"cd {term.folder}",
        "collect lesson01",
        "autograde lesson01",
        "generate_feedback lesson01",
        "release_feedback lesson01",
        "export",
    )
    term.codes.extend(codes)
