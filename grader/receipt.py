"""Receipts: what a run was, so exactly that it can be repeated. An appeal is a rerun.

A receipt holds the report (with the seed, the sandbox level, the raw samples of each speed test
and the GPU's clocks around it), the hashes of the submission and of the lesson, and the versions.
``grade --replay`` grades the same file with the same seed and says what came out differently: the
data are the same, timings are measured anew.
"""

from __future__ import annotations

import hashlib
import json
import platform
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from grader import __version__
from grader.errors import UsageError
from grader.lesson import Lesson
from grader.results import Report

SCHEMA = 1

# The versions that decide how a kernel is compiled, run and judged.
_PACKAGES = ("torch", "triton", "numpy", "pytest")


class ReceiptError(UsageError):
    """A receipt cannot be read, or does not belong to what is to be graded."""


@dataclass(frozen=True)
class Receipt:
    """One receipt, as read from its file.

    Attributes:
        path: Where it was read from.
        content: Its JSON object.
    """

    path: Path
    content: dict[str, Any]

    @property
    def lesson(self) -> str:
        """Name of the lesson."""
        return str(self.content["report"]["lesson"])

    @property
    def file(self) -> Path:
        """The submission that was graded."""
        return Path(self.content["report"]["file"])

    @property
    def seed(self) -> str:
        """Seed of all inputs."""
        return str(self.content["report"]["seed"])

    @property
    def device(self) -> str:
        """``"cpu"`` or ``"gpu"``."""
        return str(self.content["report"]["device"]["kind"])

    @property
    def only(self) -> tuple[str, ...]:
        """Names of the tests that ran."""
        return tuple(test["id"] for test in self.content["report"]["tests"])

    def refuse_other(self, lesson: Lesson, file: Path) -> None:
        """See that file and lesson are those of the receipt.

        Raises:
            ReceiptError: One of them has changed since.
        """
        if file_hash(file) != self.content["submission_sha256"]:
            raise ReceiptError(
                f"{file} is not the file of the receipt {self.path}: its content has changed. "
                "Name the graded version: --file PATH."
            )
        if lesson_hash(lesson) != self.content["lesson_sha256"]:
            raise ReceiptError(
                f"{lesson.name} has changed since the receipt {self.path} was written: other "
                "tests or thresholds. Check out the course as it was then."
            )

    def differences(self, report: Report) -> list[str]:
        """What came out differently in a rerun, a line a test."""
        before = {test["id"]: test for test in self.content["report"]["tests"]}
        lines = []
        for test in report.tests:
            old = before[test.id]
            if (old["status"], old["points"]) != (test.status.value, test.points):
                lines.append(
                    f"{test.id}: was {old['status']} with {old['points']:g} points, "
                    f"is {test.status.value} with {test.points:g}"
                )
        return lines


def write(path: Path, report: Report, lesson: Lesson) -> None:
    """Write the receipt of a run.

    Args:
        path: The file to write.
        report: What came out; the state of the GPU is in the timing of each speed test.
        lesson: The lesson as it was graded.

    Raises:
        ReceiptError: The file cannot be written.
    """
    content = {
        "schema": SCHEMA,
        "grader": __version__,
        "report": report.to_json(),
        "submission_sha256": file_hash(Path(report.file)),
        "lesson_sha256": lesson_hash(lesson),
        "versions": {"python": sys.version.split()[0], **_versions()},
        "platform": platform.platform(),
    }
    try:
        path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise ReceiptError(f"{path} cannot be written: {error.strerror}.") from error


def read(path: Path) -> Receipt:
    """Read a receipt.

    Raises:
        ReceiptError: The file is missing or no receipt of this version.
    """
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ReceiptError(f"{path} cannot be read as a receipt: {error}") from error
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        raise ReceiptError(f"{path} is no receipt of this grader (schema {SCHEMA}).")
    return Receipt(path, content)


def file_hash(path: Path) -> str:
    """SHA-256 of a file's content."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def lesson_hash(lesson: Lesson) -> str:
    """SHA-256 of all that decides a verdict: the lesson's folder, generated files left out."""
    digest = hashlib.sha256()
    for path in sorted(lesson.folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(f"{path.relative_to(lesson.folder)}\0{file_hash(path)}\0".encode())
    return digest.hexdigest()


def _versions() -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = None
    return found
