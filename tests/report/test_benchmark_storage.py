"""pytest-benchmark's own tools read what is stored."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_benchmark.cli

from grader.report.benchmark_storage import benchmark_json, save, write
from grader.results import CaseResult, Device, Report, Status, TestResult

SAMPLES = [[2.0e-4, 1.0e-4, 1.1e-4, 2.1e-4], [2.0e-4, 1.0e-4, 1.0e-4, 2.0e-4]]
TIMING = {
    "ratio": 1.95,
    "baseline": {"name": "torch_add", "seconds_per_call": 2.02e-4},
    "student": {"seconds_per_call": 1.02e-4},
    "samples": SAMPLES,
    "calls_per_batch": 350,
    "flags": [],
}


def report(*cases: CaseResult) -> Report:
    cases = cases or (CaseResult("", Status.PASSED, share=1.0, timing=TIMING),)
    tests = (
        TestResult("test_add", "adds", 3, (CaseResult("", Status.PASSED, share=1.0),)),
        TestResult("test_add_speed", "fast", 6, cases, file="test_lesson01.py"),
    )
    device = Device("gpu", "NVIDIA H200", {"driver": "570"})
    return Report("lesson01", "Elementwise", "lesson01.py", device, "none", "5eed", 4.0, tests)


@pytest.fixture(autouse=True)
def quick_machine_info(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asking the CPU for its name takes a second."""
    monkeypatch.setattr("pytest_benchmark.plugin.get_cpu_info", dict)


@pytest.fixture
def compare(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    """``pytest-benchmark compare`` in the test's folder; returns what it printed."""

    def run(*arguments: str) -> str:
        monkeypatch.chdir(tmp_path)
        command = ["pytest-benchmark", "compare", "--sort=fullname", *arguments]
        monkeypatch.setattr(sys, "argv", command)
        pytest_benchmark.cli.main()
        return capsys.readouterr().out

    return run


def by_name(document: dict[str, Any]) -> dict[str, Any]:
    return {each["name"]: each for each in document["benchmarks"]}


def test_each_speed_test_gives_the_submission_and_its_baseline() -> None:
    found = by_name(benchmark_json([report()]))
    assert list(found) == ["test_add_speed[submission]", "test_add_speed[torch_add]"]
    student = found["test_add_speed[submission]"]
    assert student["stats"]["data"] == pytest.approx([1.0e-4, 1.1e-4, 1.0e-4, 1.0e-4])
    assert student["stats"]["median"] == pytest.approx(1.0e-4)
    assert student["stats"]["iterations"] == 350
    assert student["extra_info"]["ratio"] == 1.95
    baseline = found["test_add_speed[torch_add]"]
    assert baseline["stats"]["data"] == pytest.approx([2.0e-4, 2.1e-4, 2.0e-4, 2.0e-4])


def test_each_case_of_a_test_stands_for_itself() -> None:
    cases = [CaseResult(id, Status.PASSED, share=1.0, timing=TIMING) for id in ("small", "large")]
    names = list(by_name(benchmark_json([report(*cases)])))
    assert names[0] == "test_add_speed[small-submission]"
    assert len(set(names)) == 4


def test_what_was_not_measured_is_left_out() -> None:
    deferred = report(CaseResult("", Status.DEFERRED))
    assert benchmark_json([deferred])["benchmarks"] == []
    assert benchmark_json([])["machine_info"]["gpu"] is None


def test_the_command_reads_a_written_file(tmp_path: Path) -> None:
    write(tmp_path / "out" / "speed.json", [report()])
    command = [sys.executable, "-m", "pytest_benchmark", "compare", "out/speed.json"]
    command += ["--columns=median,rounds", "--group-by=group"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    told = done.stdout
    assert "benchmark 'lesson01 test_add_speed': 2 tests" in told
    assert "test_add_speed[submission]" in told
    assert "test_add_speed[torch_add]" in told


def test_runs_in_a_storage_folder_are_numbered_and_compared(
    tmp_path: Path, compare: Callable[..., str]
) -> None:
    storage = tmp_path / ".benchmarks"
    first = save(storage, [report()], "before")
    second = save(storage, [report()], "after: tuned/BLOCK")
    assert first.name == "0001_before.json"
    assert second.name.startswith("0002_after")
    assert second.parent == first.parent
    assert "/" not in second.name
    told = compare("--csv=table.csv")
    assert told.count("test_add_speed[submission] (") == 2
    assert (
        "course/lesson01/test_lesson01.py::test_add_speed" in (tmp_path / "table.csv").read_text()
    )


def test_a_histogram_can_be_drawn(tmp_path: Path, compare: Callable[..., str]) -> None:
    pytest.importorskip("pygal", reason="pytest-benchmark[histogram] is not installed")
    write(tmp_path / "speed.json", [report()])
    compare("speed.json", "--histogram=plot")
    assert list(tmp_path.glob("plot*.svg"))


def test_benchmark_compare_of_a_pytest_run_finds_the_stored_run(tmp_path: Path) -> None:
    save(tmp_path / ".benchmarks", [report()], "before")
    test = tmp_path / "course" / "lesson01" / "test_lesson01.py"
    test.parent.mkdir(parents=True)
    test.write_text(
        "import pytest\n"
        "@pytest.mark.parametrize('side', ['submission'])\n"
        "def test_add_speed(benchmark, side):\n"
        "    benchmark.pedantic(int, rounds=2)\n"
    )
    quick = "def pytest_benchmark_generate_machine_info():\n    return {}\n"
    (tmp_path / "conftest.py").write_text(quick)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir=."]
    command += ["-p", "pytest_benchmark.plugin", "--benchmark-compare=0001", str(test)]
    # Neither plugins found by themselves nor the variables of a parallel run around this one.
    alone = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    alone["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=120, env=alone
    )
    told = done.stdout + done.stderr
    assert done.returncode == 0, told
    assert "Comparing against benchmarks from" in told
    assert "test_add_speed[submission] (0001_before)" in told
    assert "test_add_speed[submission] (NOW)" in told


def test_the_file_is_plain_json(tmp_path: Path) -> None:
    path = tmp_path / "speed.json"
    write(path, [report()])
    assert json.loads(path.read_text())["machine_info"]["gpu"]["name"] == "NVIDIA H200"
