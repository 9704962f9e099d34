"""Calibration files, and thresholds carried over from one GPU to another."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from grader.errors import ExitCode
from grader.judge.timing.calibration import (
    Calibration,
    CalibrationError,
    ReferenceSpeed,
    authored_on,
    calibration_file,
    find,
    read,
)
from grader.judge.timing.credit import Curve, SpeedSpec
from grader.judge.timing.thresholds import (
    LEAST_BETWEEN_RUNS,
    UNCALIBRATED_BETWEEN_RUNS,
    effective_threshold,
)

H200 = Calibration(
    gpu="NVIDIA H200",
    driver="570.86.15",
    versions={"torch": "2.11.0+cu130", "triton": "3.6.0"},
    date="2026-01-31",
    authored_on="NVIDIA H200",
    copy_bandwidth_bytes_per_s=4.25e12,
    matmul_flops_per_s={"float16": 7.6e14, "int8": 1.3e15},
    between_runs=0.0012,
    references={"lesson03": {"test_speed": ReferenceSpeed(1.58, 1.57, 1.59, 8, naive=0.4)}},
    read_bandwidth_bytes_per_s=4.4e12,
)
SPEC = SpeedSpec("test_speed", Curve(zero=0.7, half=1.19, full=1.4), memory_bound=True)


def elsewhere(ratio: float, **changes: Any) -> Calibration:
    speed = ReferenceSpeed(ratio, ratio - 0.01, ratio + 0.01, 8)
    references = {"lesson03": {"test_speed": replace(speed, **changes)}}
    return replace(H200, gpu="NVIDIA L4", references=references, copy_bandwidth_bytes_per_s=2.5e11)


# -- the file ------------------------------------------------------------------------------


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    path = H200.write(tmp_path)
    assert path == tmp_path / "course" / "calibration" / "nvidia-h200.json"
    assert read(path) == H200
    assert find(tmp_path, "NVIDIA H200") == H200
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_what_is_not_measured_may_be_left_out(tmp_path: Path) -> None:
    bare = replace(H200, references={}, read_bandwidth_bytes_per_s=None, matmul_flops_per_s={})
    assert read(bare.write(tmp_path)) == bare


def test_a_gpu_without_a_file_has_no_calibration(tmp_path: Path) -> None:
    assert find(tmp_path, "NVIDIA GeForce RTX 4090") is None


@pytest.mark.parametrize(
    ("gpu", "name"),
    [
        ("NVIDIA GeForce RTX 4090", "nvidia-geforce-rtx-4090.json"),
        ("NVIDIA A100-SXM4-80GB", "nvidia-a100-sxm4-80gb.json"),
        ("../../etc", "etc.json"),
        ("", "unnamed.json"),
    ],
)
def test_the_file_is_named_after_the_gpu_and_lies_nowhere_else(gpu: str, name: str) -> None:
    assert calibration_file(Path("root"), gpu) == Path("root/course/calibration") / name


def test_a_file_of_another_gpu_is_refused(tmp_path: Path) -> None:
    H200.write(tmp_path)
    with pytest.raises(CalibrationError, match="measured on 'NVIDIA H200'"):
        find(tmp_path, "NVIDIA-H200")


@pytest.mark.parametrize(
    ("place", "value", "told"),
    [
        (("schema",), 2, "'schema' is 2; expected 1"),
        (("gpu",), None, "'gpu' is None; expected a text"),
        (("copy_bandwidth_bytes_per_s",), 0, "'copy_bandwidth_bytes_per_s' is 0"),
        (("aa_noise",), -1, "'aa_noise' is -1"),
        (("aa_noise",), True, "'aa_noise' is True; expected a number"),
        (("matmul_flops_per_s",), [], "'matmul_flops_per_s' is []; expected an object"),
        (("matmul_flops_per_s", "float16"), "7e14", "'matmul_flops_per_s.float16' is '7e14'"),
        (("references", "lesson03"), 1, "'references.lesson03' is 1"),
        (
            ("references", "lesson03", "test_speed", "ratio"),
            9.0,
            "'references.lesson03.test_speed.ratio' is 9.0; expected a value in [1.57, 1.59]",
        ),
        (("references", "lesson03", "test_speed", "low"), None, "test_speed.low' is None"),
    ],
)
def test_a_malformed_value_is_told_with_file_and_key(
    tmp_path: Path, place: tuple[str, ...], value: object, told: str
) -> None:
    path = H200.write(tmp_path)
    document = json.loads(path.read_text())
    inner = document
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    path.write_text(json.dumps(document))
    with pytest.raises(CalibrationError) as raised:
        read(path)
    assert str(raised.value).startswith(str(path))
    assert told in str(raised.value)
    assert "course calibrate" in str(raised.value)
    assert raised.value.exit_code is ExitCode.NOT_JUDGED


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "\x00"])
def test_what_is_no_calibration_at_all_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "gpu.json"
    path.write_text(text)
    with pytest.raises(CalibrationError):
        read(path)


def test_the_course_names_one_gpu_on_which_its_thresholds_were_authored(tmp_path: Path) -> None:
    assert authored_on(tmp_path) is None
    H200.write(tmp_path)
    elsewhere(2.0).write(tmp_path)
    assert authored_on(tmp_path) == "NVIDIA H200"
    replace(H200, gpu="NVIDIA A100", authored_on="NVIDIA A100").write(tmp_path)
    with pytest.raises(CalibrationError, match="NVIDIA A100, NVIDIA H200"):
        authored_on(tmp_path)


# -- thresholds ----------------------------------------------------------------------------


def test_where_it_was_authored_a_threshold_is_as_authored() -> None:
    found = effective_threshold(SPEC, "lesson03", H200, H200)
    assert found.curve == SPEC.curve
    assert found.calibrated
    assert found.between_runs == 0.0012
    assert found.copy_bytes_per_s == 4.25e12


@pytest.mark.parametrize(("ratio", "full"), [(0.79, 0.7), (3.16, 2.8)])
def test_a_threshold_is_lowered_and_raised_with_the_reference(ratio: float, full: float) -> None:
    found = effective_threshold(SPEC, "lesson03", elsewhere(ratio), H200)
    assert found.calibrated
    assert found.curve.full == pytest.approx(full)
    assert found.curve.half / found.curve.full == pytest.approx(1.19 / 1.4)
    assert found.authored.full == 1.4


def test_without_calibration_the_authored_threshold_holds_and_says_so() -> None:
    found = effective_threshold(SPEC, "lesson03", None, H200)
    assert found.curve == SPEC.curve
    assert not found.calibrated
    assert "no calibration" in found.reason
    assert found.copy_bytes_per_s is None
    assert found.between_runs == UNCALIBRATED_BETWEEN_RUNS


@pytest.mark.parametrize(
    ("here", "there", "told"),
    [
        (replace(H200, references={}), H200, "not measured on this GPU"),
        (elsewhere(2.0), None, "not measured on NVIDIA H200"),
        (elsewhere(2.0), replace(H200, references={}), "not measured on NVIDIA H200"),
        (
            elsewhere(2.0, solution_sha256="aa"),
            replace(elsewhere(2.0, solution_sha256="bb"), gpu="NVIDIA H200"),
            "different reference solutions",
        ),
    ],
)
def test_what_cannot_be_carried_over_stays_as_authored(
    here: Calibration, there: Calibration | None, told: str
) -> None:
    found = effective_threshold(SPEC, "lesson03", here, there)
    assert (found.curve, found.calibrated) == (SPEC.curve, False)
    assert told in found.reason


def test_noise_between_runs_is_never_taken_for_less_than_a_calibration_can_show() -> None:
    lucky = replace(H200, between_runs=0.0)
    assert effective_threshold(SPEC, "lesson03", lucky, lucky).between_runs == LEAST_BETWEEN_RUNS


def test_a_test_that_is_not_memory_bound_earns_nothing_by_bandwidth() -> None:
    spec = replace(SPEC, memory_bound=False)
    assert effective_threshold(spec, "lesson03", H200, H200).copy_bytes_per_s is None


@pytest.mark.parametrize(("naive", "discriminates"), [(None, True), (1.89, True), (1.91, False)])
def test_a_test_says_where_a_naive_solution_keeps_up(
    naive: float | None, discriminates: bool
) -> None:
    found = effective_threshold(SPEC, "lesson03", elsewhere(2.0, naive=naive), H200)
    assert found.discriminates is discriminates
