"""What one GPU model can do, as ``course calibrate`` measured it: a JSON file a model.

``course/calibration/nvidia-h200.json`` holds ceilings (copy bandwidth, matmul rates), the
noise between runs, and the speed of every reference solution against its baseline. Owns the
file's form and lookup; the measuring is done elsewhere.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from grader.errors import GraderError
from grader.judge.timing.json_values import MalformedValueError, Reader

SCHEMA = 1


class CalibrationError(GraderError):
    """A calibration file does not hold what it should."""


@dataclass(frozen=True)
class ReferenceSpeed:
    """Speed of a reference solution against the baseline of one test.

    Attributes:
        ratio: Baseline time over reference time.
        low: Lower end of its interval.
        high: Upper end of its interval.
        quadruples: How many quadruples it rests on.
        naive: The ratio that a plain first solution reaches, if it was measured.
        solution_sha256: Hash of the reference solution that was measured, empty if unknown.
    """

    ratio: float
    low: float
    high: float
    quadruples: int
    naive: float | None = None
    solution_sha256: str = ""


@dataclass(frozen=True)
class Calibration:
    """One GPU model's measurements.

    Attributes:
        gpu: Marketing name as the driver gives it, e.g. ``"NVIDIA H200"``.
        driver: Driver version.
        versions: Versions of torch, triton, CUDA, by name.
        date: Day of the measurement, ISO 8601.
        authored_on: Name of the GPU on which the lessons' thresholds were authored.
        copy_bandwidth_bytes_per_s: Bytes read plus bytes written of a large copy.
        matmul_flops_per_s: Best rate of a large product by dtype, e.g. ``"float16"``.
        between_runs: ``aa_noise`` in the file: standard deviation, between runs, of the
            log-ratio of a baseline against itself.
        references: Speed of the references, by lesson, then by test.
        read_bandwidth_bytes_per_s: Bytes read by a large reduction, if measured; reads alone
            can be faster than a copy.
    """

    gpu: str
    driver: str
    versions: Mapping[str, str]
    date: str
    authored_on: str
    copy_bandwidth_bytes_per_s: float
    matmul_flops_per_s: Mapping[str, float]
    between_runs: float
    references: Mapping[str, Mapping[str, ReferenceSpeed]] = field(default_factory=dict)
    read_bandwidth_bytes_per_s: float | None = None

    def reference(self, lesson: str, test: str) -> ReferenceSpeed | None:
        """Speed of the reference in one test, if it was measured."""
        return self.references.get(lesson, {}).get(test)

    def write(self, course_root: Path) -> Path:
        """Write the GPU's file below ``course_root`` and return its path."""
        path = calibration_file(course_root, self.gpu)
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(".json.new")
        beside.write_text(json.dumps(_to_json(self), indent=2) + "\n", encoding="utf-8")
        beside.replace(path)  # a reader sees the old file or the new one, never half of it
        return path


def calibration_file(course_root: Path, gpu: str) -> Path:
    """Where the file of a GPU lies, e.g. ``course/calibration/nvidia-h200.json``.

    Args:
        course_root: The folder that holds ``course/``.
        gpu: Marketing name as the driver gives it.
    """
    slug = re.sub(r"[^a-z0-9]+", "-", gpu.lower()).strip("-") or "unnamed"
    return course_root / "course" / "calibration" / f"{slug}.json"


def find(course_root: Path, gpu: str) -> Calibration | None:
    """The calibration of a GPU model; None if there is no file for it.

    Raises:
        CalibrationError: There is a file, but it is malformed or another GPU's.
    """
    path = calibration_file(course_root, gpu)
    if not path.is_file():
        return None
    found = read(path)
    if found.gpu != gpu:
        raise CalibrationError(
            f"{path} was measured on {found.gpu!r}, but this GPU is {gpu!r}. "
            "Remove the file or run 'course calibrate' here."
        )
    return found


def authored_on(course_root: Path) -> str | None:
    """The GPU on which the course's thresholds were authored; None before any calibration.

    Raises:
        CalibrationError: Two files name different GPUs.
    """
    files = sorted((course_root / "course" / "calibration").glob("*.json"))
    named = {read(path).authored_on for path in files}
    if len(named) > 1:
        raise CalibrationError(
            f"{files[0].parent}: the files name several GPUs as 'authored_on': "
            f"{', '.join(sorted(named))}; thresholds are authored on one."
        )
    return named.pop() if named else None


def read(path: Path) -> Calibration:
    """Read one file.

    Raises:
        CalibrationError: It is not JSON, of another schema, or a value is missing or
            impossible; the message names the key.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        found = values.get("schema") if isinstance(values, dict) else None
        if found != SCHEMA:
            raise MalformedValueError("schema", found, str(SCHEMA))
        return _from_json(Reader(values))
    except (OSError, ValueError) as error:
        raise CalibrationError(f"{path}: {error}. {_REMEDY}") from error


_REMEDY = "Run 'course calibrate' again on that GPU."


def _to_json(calibration: Calibration) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "gpu": calibration.gpu,
        "driver": calibration.driver,
        "versions": dict(calibration.versions),
        "date": calibration.date,
        "authored_on": calibration.authored_on,
        "copy_bandwidth_bytes_per_s": calibration.copy_bandwidth_bytes_per_s,
        "read_bandwidth_bytes_per_s": calibration.read_bandwidth_bytes_per_s,
        "matmul_flops_per_s": dict(calibration.matmul_flops_per_s),
        "aa_noise": calibration.between_runs,
        "references": {
            lesson: {test: vars(speed).copy() for test, speed in tests.items()}
            for lesson, tests in calibration.references.items()
        },
    }


def _from_json(reader: Reader) -> Calibration:
    return Calibration(
        gpu=reader.text("gpu"),
        driver=reader.text("driver"),
        versions=reader.table("versions", Reader.text),
        date=reader.text("date"),
        authored_on=reader.text("authored_on"),
        copy_bandwidth_bytes_per_s=reader.positive("copy_bandwidth_bytes_per_s"),
        matmul_flops_per_s=reader.table("matmul_flops_per_s", Reader.positive),
        between_runs=reader.not_negative("aa_noise"),
        references=reader.table("references", _tests),
        read_bandwidth_bytes_per_s=reader.optional("read_bandwidth_bytes_per_s"),
    )


def _tests(reader: Reader, lesson: str) -> Mapping[str, ReferenceSpeed]:
    return reader.table(lesson, _reference)


def _reference(reader: Reader, test: str) -> ReferenceSpeed:
    inner = reader.inner(test)
    speed = ReferenceSpeed(
        ratio=inner.positive("ratio"),
        low=inner.positive("low"),
        high=inner.positive("high"),
        quadruples=int(inner.positive("quadruples")),
        naive=inner.optional("naive"),
        solution_sha256=inner.text("solution_sha256") if "solution_sha256" in inner.values else "",
    )
    if not speed.low <= speed.ratio <= speed.high:
        raise inner.malformed("ratio", speed.ratio, f"a value in [{speed.low:g}, {speed.high:g}]")
    return speed
