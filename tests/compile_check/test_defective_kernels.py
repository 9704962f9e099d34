"""Kernels that run interpreted, or seem to, and that no GPU would ever run."""

from __future__ import annotations

from typing import Any

import pytest

from tests.compile_check.kernel_files import KERNELS, Checked, cases, line_of

# Errors of the launch are reported where the launch is.
OF_LAUNCH = {
    "three_warps": "does-not-compile",
    "too_many_threads": "too-many-threads",
    "out_of_shared_memory": "out-of-shared-memory",
}
# An A100 lacks what an H100 has.
OF_ONE_TARGET = ["rounds_to_fp8"]
# The line lies in a function that the kernel calls.
IN_ANOTHER_FUNCTION = ["calls_defective_function"]

CASES = cases("defective")
ELSEWHERE = [*OF_LAUNCH, *OF_ONE_TARGET, *IN_ANOTHER_FUNCTION]


def errors(checked: dict[str, Any]) -> list[dict[str, Any]]:
    return [result["error"] for result in checked["results"]]


@pytest.mark.parametrize("case", [case for case in CASES if case not in ELSEWHERE])
def test_names_the_line_in_the_kernel(defective: Checked, case: str) -> None:
    line = line_of("defective", case, "DEFECT")
    found = errors(defective[case])
    assert [error["kind"] for error in found] == ["does-not-compile"] * 2
    assert [error["line"] for error in found] == [line] * 2
    assert all("# DEFECT" in error["source_line"] for error in found)
    assert {error["file"] for error in found} == {str(KERNELS / "defective.py")}


@pytest.mark.parametrize(("case", "kind"), OF_LAUNCH.items())
def test_names_the_line_of_the_launch(defective: Checked, case: str, kind: str) -> None:
    line = line_of("defective", f"launch_{case}", "DEFECT")
    assert [(error["kind"], error["line"]) for error in errors(defective[case])] == [
        (kind, line),
        (kind, line),
    ]


def test_names_the_line_in_the_function_that_the_kernel_calls(defective: Checked) -> None:
    inside = line_of("defective", "mean_of_row", "DEFECT")
    found = errors(defective["calls_defective_function"])
    assert [error["line"] for error in found] == [inside] * 2


def test_a_target_may_lack_what_another_has(defective: Checked) -> None:
    on_a100, on_h100 = defective["rounds_to_fp8"]["results"]
    assert (on_a100["target"], on_a100["ok"]) == ("sm_80", False)
    assert on_a100["error"]["line"] == line_of("defective", "rounds_to_fp8", "DEFECT")
    assert (on_h100["target"], on_h100["ok"]) == ("sm_90", True)


def test_many_of_them_run_interpreted(defective: Checked) -> None:
    """Why compiling is worth its time."""
    ran = [case for case in CASES if defective[case]["raised"] is None]
    assert len(ran) >= 10


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("small_dot", "K >= 16"),
        ("block_of_runtime_size", "constexpr"),
        ("block_of_48", "power of 2"),
        ("leaves_loop", "Break"),
        ("changes_type_in_loop", "total has initial type int32"),
        ("torch_call", "torch.tensor is not a Triton function"),
        ("global_number", "global variable PLAIN_NUMBER"),
        ("python_math", "TypeError: must be real number"),
        ("out_of_shared_memory", "sm_80 has 166,912"),
    ],
)
def test_message_is_the_essential_one(defective: Checked, case: str, words: str) -> None:
    message = errors(defective[case])[0]["message"]
    assert words in message
    assert len(message.splitlines()) <= 4
    assert "0x" not in message


def test_excess_shared_memory_is_told_in_numbers(defective: Checked) -> None:
    for result in defective["out_of_shared_memory"]["results"]:
        assert result["exceeds_shared"]
        assert result["shared_bytes"] > result["shared_limit"] > 160 * 1024
        assert result["occupancy"] is None
