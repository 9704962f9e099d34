"""What the arithmetic of timing may load."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
LIGHT = [
    *("statistics", "sequential", "credit", "calibration", "thresholds", "roofline", "verdict"),
    *("record", "machine"),
]


def test_no_part_of_it_loads_torch_or_what_it_needs_only_at_times() -> None:
    modules = [f"grader.judge.timing.{name}" for name in LIGHT]
    modules += ["grader.report.timing_view", "grader.report.roofline_plot"]
    modules += ["grader.report.benchmark_storage"]
    heavy = {"torch", "numpy", "matplotlib", "pynvml", "pytest_benchmark", "pytest"}
    program = f"import sys, {', '.join(modules)}; print(*{heavy} & set(sys.modules))"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout.split()) == (0, []), done.stderr
