"""The judge's process: one grading run on behalf of nbgrader or a notebook.

Reads a request as JSON from standard input and writes one JSON object to standard output, which
holds nothing else: what anything prints goes to standard error. ``grader.lms.judging`` starts it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, TextIO

from grader import sandbox
from grader.errors import GraderError, UnconfinedError
from grader.lesson import Course

if TYPE_CHECKING:
    from grader.results import Report


def main() -> None:
    """Grade what the request names; whatever happens, say so in JSON."""
    signal.signal(signal.SIGTERM, _stop)
    answers = _own_stdout()
    request = json.load(sys.stdin)
    try:
        answer: dict[str, Any] = {"judgement": _judge(request)}
    except UnconfinedError as error:
        answer = {"error": f"{error} In nbgrader: c.GradeOutOfProcess.allow_unconfined = True."}
    except GraderError as error:
        answer = {"error": str(error)}
    json.dump(answer, answers)
    answers.close()


def _stop(number: int, frame: FrameType | None) -> None:
    """End as after Ctrl-C, so that workers and scratch folders go too."""
    raise SystemExit(128 + number)


def _own_stdout() -> TextIO:
    """Standard output for the answer alone; prints and child processes get standard error."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return answers


def _judge(request: dict[str, Any]) -> dict[str, Any]:
    # Imported here: a wrong request is answered without waiting for torch.
    from grader.report import html
    from grader.report.progress import SilentProgress
    from grader.run import RunRequest, grade

    lesson = Course(Path(request["course"])).lesson(request["lesson"])
    sandbox.require_confinement(bool(request["allow_unconfined"]))
    run = RunRequest(lesson, Path(request["file"]), request["device"], tuple(request["only"]))
    report = grade(run, SilentProgress())
    verdicts = [
        {
            "test": test.id,
            "title": test.title,
            "status": test.status.value,
            "points": test.points,
            "max_points": test.max_points,
            "html": html.fragment([_only(report, at)]),
        }
        for at, test in enumerate(report.tests)
    ]
    return {"verdicts": verdicts, "html": html.fragment([report])}


def _only(report: Report, at: int) -> Report:
    """The report of one test."""
    return replace(report, tests=(report.tests[at],))


if __name__ == "__main__":
    main()
