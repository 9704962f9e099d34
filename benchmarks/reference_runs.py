"""How often the reference solutions earn full marks: repeated grading on this GPU, counted.

Needs an NVIDIA GPU. Each lesson is graded in full a few times; each speed test is judged many
more times, with fresh workers and fresh data after every few verdicts.

    python -m benchmarks.reference_runs --runs 20 --json docs/evidence/reference-runs.json

With ``--calibrate`` the speeds go into the GPU's calibration file too, which must be there: they
rest on more measurements than ``course calibrate`` takes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import triton

from grader.judge.timing import machine
from grader.judge.timing.calibration import ReferenceSpeed, find
from grader.judge.timing.measure import Comparison
from grader.judge.timing.request import SpeedRequest, gpu_uuid
from grader.judge.timing.statistics import Quadruple, interval
from grader.lesson import Course, Lesson
from grader.report.progress import SilentProgress
from grader.run import RunRequest, grade
from grader.testing import Judged

Speeds = dict[str, ReferenceSpeed]


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


def speed_verdicts(
    lesson: Lesson, runs: int, runs_per_worker: int
) -> dict[str, list[dict[str, Any]]]:
    """Verdicts on every speed test of the reference solution."""
    rows: dict[str, list[dict[str, Any]]] = {test: [] for test in lesson.speed}

    def judge_again(request: SpeedRequest) -> None:
        own = rows[request.test]
        try:
            comparison = request.prepare()
            for _ in range(min(runs_per_worker, runs - len(own))):
                own.append(_verdict(request, comparison))
        except Judged as judged:
            reason = judged.diagnosis.message
            own.append({"status": judged.status.value, "share": judged.share, "reason": reason})
        last = {name: own[-1].get(name) for name in ("status", "ratio", "reason")}
        _say(f"{request.test}: {len(own)} of {runs}, last {last}")

    while any(len(own) < runs for own in rows.values()):
        waiting = tuple(test for test, own in rows.items() if len(own) < runs)
        before = sum(map(len, rows.values()))
        grade(RunRequest(lesson, lesson.solution, "gpu", waiting), SilentProgress(), judge_again)
        if sum(map(len, rows.values())) == before:
            sys.exit(f"{lesson.name}: no verdict came on {', '.join(waiting)}")
    return rows


def _verdict(request: SpeedRequest, comparison: Comparison) -> dict[str, Any]:
    verdict, timing = request.verdict(comparison)
    measured = timing or {}
    names = ("ratio", "low", "high", "quadruples", "flags", "samples")
    return {
        "status": verdict.status.value,
        "share": verdict.share,
        "counted": verdict.counted,
        **{name: measured.get(name) for name in names},
    }


def reference_speeds(lesson: Lesson, verdicts: dict[str, list[dict[str, Any]]]) -> Speeds:
    """What the verdicts' samples say of the reference solution's speed, by test."""
    digest = hashlib.sha256(lesson.solution.read_bytes()).hexdigest()
    speeds = {}
    for test, rows in verdicts.items():
        samples = [times for row in rows for times in row.get("samples") or ()]
        if not samples:
            continue
        found = interval([Quadruple(*times).log_ratio for times in samples])
        speeds[test] = ReferenceSpeed(
            found.ratio, found.low, found.high, found.n, solution_sha256=digest
        )
    return speeds


def write_calibration(course: Course, speeds: dict[str, Speeds]) -> None:
    """Put the speeds into this GPU's calibration file."""
    known = find(course.root, torch.cuda.get_device_name())
    if known is None:
        sys.exit("This GPU has no calibration file yet: run course calibrate first.")
    replace(known, references={**known.references, **speeds}).write(course.root)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _counts(verdicts: dict[str, list[dict[str, Any]]]) -> dict[str, str]:
    return {
        test: f"{sum(row['status'] == 'passed' for row in rows)} of {len(rows)}"
        for test, rows in verdicts.items()
    }


def measured(
    lesson: Lesson, runs: int, runs_per_worker: int, full: int
) -> tuple[dict[str, Any], Speeds]:
    """What is kept of a lesson, and its reference's speeds."""
    verdicts = speed_verdicts(lesson, runs, runs_per_worker)
    speeds = reference_speeds(lesson, verdicts)
    for rows in verdicts.values():
        for row in rows:
            row.pop("samples", None)  # hundreds of kilobytes that the ratios sum up
    kept = {
        "full_marks": _counts(verdicts),
        "gradings": full_runs(lesson, full),
        "verdicts": verdicts,
    }
    return kept, speeds


def main(arguments: Sequence[str] | None = None) -> int:
    """Grade, count, write JSON; 1 if any run was less than full marks."""
    options = _options(arguments)
    course = Course.find()
    state = machine.snapshot(gpu_uuid())
    found: dict[str, Any] = {
        "gpu": state.to_json() if state else torch.cuda.get_device_name(),
        "versions": {"torch": torch.__version__, "triton": triton.__version__},
        "lessons": {},
    }
    for name in options.lessons or course.names():
        lesson = course.lesson(name)
        kept, speeds = measured(lesson, options.runs, options.runs_per_worker, options.full_runs)
        found["lessons"][lesson.name] = kept
        options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        if options.calibrate:
            write_calibration(course, {lesson.name: speeds})
    return 0 if all(map(_is_full, found["lessons"].values())) else 1


def _is_full(kept: dict[str, Any]) -> bool:
    statuses = {row["status"] for rows in kept["verdicts"].values() for row in rows}
    return statuses <= {"passed"} and all(
        run["score"] == run["max_score"] for run in kept["gradings"]
    )


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reference_runs")
    parser.add_argument("--runs", type=int, default=20, help="verdicts on each speed test")
    parser.add_argument("--runs-per-worker", type=int, default=5, help="before fresh workers")
    parser.add_argument("--full-runs", type=int, default=2, help="complete gradings of a lesson")
    parser.add_argument("--json", type=Path, required=True, help="file to write")
    parser.add_argument("--calibrate", action="store_true", help="keep the speeds found")
    parser.add_argument("lessons", nargs="*", help="lesson03, or 3; all if left out")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
