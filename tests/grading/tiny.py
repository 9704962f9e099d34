"""The tiny course, and short ways to grade something against it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from grader.lesson import Course, Lesson
from grader.results import Device, Diagnosis, Report, Status, TestResult
from grader.run import Plan, RunRequest, grade

ROOT = Path(__file__).resolve().parents[1] / "courses" / "tiny"
RIGHT = (ROOT / "solutions" / "lesson01.py").read_text()
SKELETON = (ROOT / "course" / "source" / "lesson01" / "lesson01.py").read_text()

_LAUNCH_OF_DOUBLE = RIGHT.split("# TODO: launch double_kernel\n")[1].split("\n\n\n")[0]


def tiny_lesson() -> Lesson:
    """The only lesson of the tiny course."""
    return Course(ROOT).lesson("lesson01")


def with_double(body: str) -> str:
    """The right submission with another body of ``double(x)``."""
    lines = "\n".join(f"    {line}" if line else "" for line in body.strip().splitlines())
    return RIGHT.replace(_LAUNCH_OF_DOUBLE, lines)


def line_of(text: str, code: str) -> int:
    """Number of the only line of a text that holds this code."""
    (number,) = (n for n, line in enumerate(text.splitlines(), start=1) if code in line)
    return number


@dataclass
class Observed:
    """Observer that remembers what it was told."""

    plans: list[Plan] = field(default_factory=list)
    started: list[tuple[str, str]] = field(default_factory=list)
    finished: list[TestResult] = field(default_factory=list)
    device: Device | None = None

    def planned(
        self, lesson: Lesson, file: Path, device: Device, sandbox: str, tests: Sequence[Plan]
    ) -> None:
        """Remember the plan."""
        self.plans, self.device = list(tests), device

    def case_started(self, test_id: str, case_id: str) -> None:
        """Remember the case."""
        self.started.append((test_id, case_id))

    def test_finished(self, result: TestResult) -> None:
        """Remember the result."""
        self.finished.append(result)


def graded(
    folder: Path,
    text: str | bytes,
    lesson: Lesson | None = None,
    observer: Observed | None = None,
    **request: Any,
) -> Report:
    """Grade a submission of this text, on the CPU and for no GPU; it is written to ``folder``.

    The policy has no say unless the request asks for it: what it would refuse must do no harm.
    """
    lesson = lesson or tiny_lesson()
    file = folder / f"{lesson.name}.py"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    request = {"device": "cpu", "targets": (), "policed": False} | request
    return grade(RunRequest(lesson, file, **request), observer or Observed())


def result_of(report: Report, test: str) -> TestResult:
    """The result of one test of a report."""
    (found,) = (result for result in report.tests if result.id == test)
    return found


def verdict_of(report: Report, test: str) -> tuple[Status, str | None, int | None]:
    """Status, kind and line of one test of a report."""
    result = result_of(report, test)
    why = result.diagnosis or Diagnosis("", "")
    return result.status, why.kind or None, why.line
