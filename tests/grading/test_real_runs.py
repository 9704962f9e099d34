"""Runs as a student starts them, with worker processes of their own."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from grader.results import Status
from grader.sandbox.processes import children
from tests.grading.tiny import RIGHT, ROOT, Observed, graded, verdict_of, with_double

CHECKOUT = Path(__file__).resolve().parents[2]

# On vectors it ends the process, on matrices it leaves a child behind that never ends.
LEAVES_A_CHILD = """
import os, signal
if x.dim() == 1:
    os._exit(0)
if os.fork() == 0:
    while True:
        signal.pause()
y = torch.empty_like(x)
double_kernel[(triton.cdiv(x.numel(), BLOCK),)](y, x, x.numel(), BLOCK=BLOCK)
return y
"""


def descendants(pid: int) -> Iterator[int]:
    for child in children(pid):
        yield child
        yield from descendants(child)


class Watching(Observed):
    """Remembers all processes that ever descended from this one."""

    def __init__(self) -> None:
        super().__init__()
        self.handles: dict[int, int] = {}
        self._others = set(descendants(os.getpid()))

    def test_finished(self, result: object) -> None:
        """Look which processes there are now."""
        for pid in set(descendants(os.getpid())) - self._others - self.handles.keys():
            with suppress(ProcessLookupError):
                self.handles[pid] = os.pidfd_open(pid)

    def all_ended(self) -> bool:
        """Whether they all end within a few seconds."""
        handles = list(self.handles.values())
        ended = [bool(select.select([handle], [], [], 10.0)[0]) for handle in handles]
        for handle in handles:
            os.close(handle)
        return all(ended)


def test_nothing_is_left_of_a_run_whatever_the_submission_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temp = tmp_path / "temp"
    temp.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temp))
    before = len(os.listdir("/proc/self/fd"))
    watching = Watching()
    report = graded(tmp_path, with_double(LEAVES_A_CHILD), observer=watching)
    assert verdict_of(report, "test_double")[:2] == (Status.CRASHED, "process-exited")
    assert verdict_of(report, "test_double_matrix")[0] is Status.REFUSED
    assert verdict_of(report, "test_negate")[0] is Status.PASSED
    assert len(watching.handles) >= 3  # two workers and a child
    assert watching.all_ended()
    assert list(temp.iterdir()) == []
    assert len(os.listdir("/proc/self/fd")) == before


def test_files_beside_the_submission_do_not_reach_the_judge(tmp_path: Path) -> None:
    trap = "raise SystemExit('a file of the student was imported')\n"
    for name in ("torch", "triton", "pytest", "conftest", "json", "dataclasses"):
        (tmp_path / f"{name}.py").write_text(trap)
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --absent-option\n")
    (tmp_path / "lesson01.py").write_text(RIGHT)
    options = ["--device", "cpu", "--target", "none", "--json", "-"]
    done = subprocess.run(
        [sys.executable, "-m", "grader", "lesson01", *options],
        cwd=tmp_path,
        env=os.environ
        | {
            "GRADER_COURSE": str(ROOT),
            "PYTHONPATH": str(CHECKOUT),
            "PYTEST_ADDOPTS": "--absent-option",
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["score"], report["deferred_points"], report["max_score"]) == (4, 3, 7)
