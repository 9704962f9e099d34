"""How often the reference solutions earn full marks: repeated grading on this GPU, counted.

Needs an NVIDIA GPU. Each lesson is graded in full a few times; each speed test is judged many
more times, every time with fresh data, and with fresh workers after every few verdicts.

    python -m benchmarks.reference_runs --runs 20 --json docs/evidence/reference-runs.json
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import triton

from grader.judge.seeds import fresh_seed
from grader.judge.timing import machine
from grader.judge.timing.request import SpeedRequest, gpu_uuid
from grader.lesson import Course, Lesson
from grader.report.progress import SilentProgress
from grader.run import RunRequest, grade
from grader.testing import Judged

VERDICTS_PER_WORKER = 5


def full_runs(lesson: Lesson, runs: int) -> list[dict[str, Any]]:
    """Complete gradings of the reference solution."""
    rows = []
    for _ in range(runs):
        report = grade(RunRequest(lesson, lesson.solution, "gpu"), SilentProgress())
        open_tests = {
            test.id: test.status.value for test in report.tests if test.points < test.max_points
        }
        rows.append(
            {
                "score": report.score,
                "max_score": report.max_score,
                "badges": len(report.badges),
                "duration_s": round(report.duration_s, 2),
                "not_full": open_tests,
            }
        )
        _say(f"{lesson.name}: {rows[-1]}")
    return rows


def speed_verdicts(lesson: Lesson, runs: int) -> dict[str, list[dict[str, Any]]]:
    """Verdicts on every speed test of the reference solution."""
    rows: dict[str, list[dict[str, Any]]] = {test: [] for test in lesson.speed}

    def judge_again(request: SpeedRequest) -> None:
        own = rows[request.test]
        for _ in range(min(VERDICTS_PER_WORKER, runs - len(own))):
            fresh = replace(request, grading=replace(request.grading, seed=fresh_seed()))
            own.append(_verdict(fresh))
        _say(f"{request.test}: {len(own)} of {runs}, last {own[-1]}")

    while any(len(own) < runs for own in rows.values()):
        waiting = tuple(test for test, own in rows.items() if len(own) < runs)
        before = sum(map(len, rows.values()))
        grade(RunRequest(lesson, lesson.solution, "gpu", waiting), SilentProgress(), judge_again)
        if sum(map(len, rows.values())) == before:
            sys.exit(f"{lesson.name}: no verdict came on {', '.join(waiting)}")
    return rows


def _verdict(request: SpeedRequest) -> dict[str, Any]:
    started = time.monotonic()
    try:
        verdict, timing = request.verdict()
    except Judged as judged:
        return {"status": judged.status.value, "share": 0.0, "reason": judged.diagnosis.message}
    measured = timing or {}
    return {
        "status": verdict.status.value,
        "share": verdict.share,
        "ratio": measured.get("ratio"),
        "low": measured.get("low"),
        "high": measured.get("high"),
        "flags": measured.get("flags"),
        "counted": verdict.counted,
        "seconds": round(time.monotonic() - started, 2),
    }


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _counts(verdicts: dict[str, list[dict[str, Any]]]) -> dict[str, str]:
    return {
        test: f"{sum(row['status'] == 'passed' for row in rows)} of {len(rows)}"
        for test, rows in verdicts.items()
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Grade, count, write JSON; 1 if any run was less than full marks."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reference_runs")
    parser.add_argument("--runs", type=int, default=20, help="verdicts on each speed test")
    parser.add_argument("--full-runs", type=int, default=2, help="complete gradings of a lesson")
    parser.add_argument("--json", type=Path, required=True, help="file to write")
    parser.add_argument("lessons", nargs="*", help="lesson03, or 3; all if left out")
    options = parser.parse_args(arguments)
    course = Course.find()
    state = machine.snapshot(gpu_uuid())
    found: dict[str, Any] = {
        "gpu": state.to_json() if state else torch.cuda.get_device_name(),
        "versions": {"torch": torch.__version__, "triton": triton.__version__},
        "lessons": {},
    }
    for name in options.lessons or course.names():
        lesson = course.lesson(name)
        verdicts = speed_verdicts(lesson, options.runs)
        found["lessons"][lesson.name] = {
            "full_marks": _counts(verdicts),
            "gradings": full_runs(lesson, options.full_runs),
            "verdicts": verdicts,
        }
        options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    rows = found["lessons"].values()
    passed = all(
        row["status"] == "passed"
        for each in rows
        for own in each["verdicts"].values()
        for row in own
    )
    full = all(run["score"] == run["max_score"] for each in rows for run in each["gradings"])
    return 0 if passed and full else 1


if __name__ == "__main__":
    sys.exit(main())
