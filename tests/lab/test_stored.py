from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from grader import lab

needs_no_gpu = pytest.mark.skipif(lab.on_gpu, reason="shows what a machine without a GPU shows")
SPEEDS = {"torch": {"1024": [1e-6, 9e-7, 2e-6], "4096": [2e-6, 2e-6, 3e-6]}}

ROOT = Path(__file__).parents[2]


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "course" / "lesson01").mkdir(parents=True)
    (tmp_path / "course" / "lesson01" / "lesson.toml").touch()
    shutil.copytree(ROOT / "course/calibration", tmp_path / "course/calibration")
    monkeypatch.setenv("GRADER_COURSE", str(tmp_path))
    return tmp_path


def store(course: Path, value: object) -> None:
    entry = {"value": value, "gpu": "NVIDIA X", "date": "2026-01-01", "versions": "torch 2"}
    (course / "course/lesson01/measured.json").write_text(json.dumps({"add": entry}))


def run() -> lab.Benchmark:
    return lab.benchmark(
        "lesson01/add",
        {"torch": torch.add},
        [1024, 4096],
        lambda n: (torch.ones(n), torch.ones(n)),
        bytes_moved=lambda n: 12 * n,
    )


@needs_no_gpu
def test_without_a_gpu_stored_figures_are_shown_and_called_so(course: Path) -> None:
    store(course, {"times": SPEEDS})
    found = run()
    assert found.sizes == [1024, 4096]
    assert "Stored figures, not this machine's: measured on an NVIDIA X" in str(found.table())
    assert "12.3 GB/s" in str(found.table())
    assert found.plot("add").png()


@needs_no_gpu
def test_without_stored_figures_a_card_says_so(course: Path) -> None:
    assert "no stored figures" in run().plot().says
    assert not lab.measured("lesson01/other", lambda: 1).known


def test_a_key_names_lesson_and_figure() -> None:
    with pytest.raises(ValueError, match="lesson01/some name"):
        lab.stored("add")
