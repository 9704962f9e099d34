"""Grading in a process of its own, for callers that must not be part of the judge.

A notebook's kernel runs a student's code, and nbgrader grades many submissions one after another:
neither may share a process with the judge. Owns the process's life: start, deadline, end.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from grader.lesson import Lesson
from grader.lms.verdicts import Judgement, NotJudgedError

LONGEST_RUN_S = 1800.0
_GRACE_S = 10.0  # for the judge to end its workers
_MOST_TOLD = 4000  # characters of its standard error


@dataclass(frozen=True)
class JudgingOptions:
    """How to grade.

    Attributes:
        device: ``"auto"``, ``"cpu"`` or ``"gpu"``.
        timeout_s: Longest time in seconds that a whole run may take.
        allow_unconfined: Grade although this machine cannot confine the submission.
    """

    device: str = "auto"
    timeout_s: float = LONGEST_RUN_S
    allow_unconfined: bool = False


def judge(
    lesson: Lesson, file: Path, options: JudgingOptions, only: tuple[str, ...] = ()
) -> Judgement:
    """Grade a submission in a process of its own.

    Args:
        lesson: The lesson.
        file: The submission.
        options: How.
        only: Names of the tests to run; all if empty.

    Raises:
        NotJudgedError: No verdict came; says why.
    """
    request = {
        "course": str(lesson.root),
        "lesson": lesson.name,
        "file": str(file),
        "device": options.device,
        "only": list(only),
        "allow_unconfined": options.allow_unconfined,
    }
    with tempfile.TemporaryFile() as told:
        answer, code = _run(json.dumps(request), told, options.timeout_s)
        if code is None:
            raise NotJudgedError(
                f"{file.name} was not judged: grading {lesson.name} took longer than "
                f"{options.timeout_s:g} s. Grade it again, or raise the limit."
            )
        return _judgement(answer, f"{file.name} was not judged", told)


def _run(request: str, told: IO[bytes], timeout_s: float) -> tuple[bytes, int | None]:
    """What the process answered, and its exit code; None if it took too long."""
    process = subprocess.Popen(
        # Without -P the working folder, which may be a student's, comes first on the path.
        [sys.executable, "-P", "-m", "grader.lms.judge_process"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=told,
        start_new_session=True,
    )
    try:
        answer, _ = process.communicate(request.encode(), timeout=timeout_s)
        return answer, process.returncode
    except subprocess.TimeoutExpired:
        return b"", None
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process, if it still runs, and all that it started."""
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=_GRACE_S)
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def _judgement(answer: bytes, what: str, told: IO[bytes]) -> Judgement:
    try:
        value: Any = json.loads(answer)
    except ValueError:
        value = None
    if isinstance(value, dict) and "judgement" in value:
        return Judgement.from_json(value["judgement"])
    if isinstance(value, dict) and "error" in value:
        raise NotJudgedError(f"{what}: {value['error']}")
    told.seek(max(0, told.seek(0, os.SEEK_END) - _MOST_TOLD))
    raise NotJudgedError(
        f"{what}: the judge's process ended without a verdict. It said:\n"
        + told.read().decode(errors="replace").strip()
    )
