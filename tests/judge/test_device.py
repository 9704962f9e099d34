from __future__ import annotations

from pathlib import Path

import pytest

from grader.judge import device
from grader.judge.device import choose_device


@pytest.fixture
def driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with an NVIDIA driver."""
    node = tmp_path / "nvidiactl"
    node.touch()
    monkeypatch.setattr(device, "_GPU_NODES", (str(node),))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


@pytest.mark.usefixtures("driver")
def test_a_gpu_is_used_where_there_is_a_driver() -> None:
    assert choose_device("auto") == "gpu"


def test_without_a_driver_the_cpu_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "_GPU_NODES", ("/nowhere/nvidiactl",))
    assert choose_device("auto") == "cpu"


@pytest.mark.usefixtures("driver")
@pytest.mark.parametrize(
    ("visible", "chosen"),
    [
        ("", "cpu"),
        ("-1", "cpu"),
        ("-1,0", "cpu"),
        ("0", "gpu"),
        ("1,-1", "gpu"),
        ("GPU-8a", "gpu"),
        ("MIG-8a", "gpu"),
        ("NoDevFiles", "cpu"),
        ("none", "cpu"),
        ("-2", "cpu"),
        (" 2 ", "gpu"),
    ],
)
def test_a_gpu_that_cuda_may_not_see_is_not_used(
    monkeypatch: pytest.MonkeyPatch, visible: str, chosen: str
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert choose_device("auto") == chosen


@pytest.mark.usefixtures("driver")
@pytest.mark.parametrize("asked", ["cpu", "gpu"])
def test_what_is_asked_for_is_used(monkeypatch: pytest.MonkeyPatch, asked: str) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert choose_device(asked) == asked
