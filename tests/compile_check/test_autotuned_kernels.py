"""On a GPU the autotuner tries all configurations; here one of them has to stand for all."""

from __future__ import annotations

from typing import Any

from tests.compile_check.kernel_files import Checked, line_of


def outcomes(checked: dict[str, Any]) -> list[tuple[str, bool, str]]:
    return [
        (result["target"], result["ok"], result["configuration"].split(",")[0])
        for result in checked["results"]
    ]


def test_the_launched_configuration_is_compiled(tuned: Checked) -> None:
    assert outcomes(tuned["all_fit"]) == [
        ("sm_80", True, "BLOCK: 1024"),
        ("sm_90", True, "BLOCK: 1024"),
    ]
    assert all(result["registers"] for result in tuned["all_fit"]["results"])


def test_a_configuration_that_is_too_large_is_passed_over(tuned: Checked) -> None:
    assert outcomes(tuned["first_too_large"]) == outcomes(tuned["all_fit"])
    assert outcomes(tuned["second_too_large"]) == outcomes(tuned["all_fit"])


def test_it_is_an_error_if_all_are_too_large(tuned: Checked) -> None:
    kinds = [result["error"]["kind"] for result in tuned["none_fits"]["results"]]
    assert kinds == ["out-of-shared-memory"] * 2


def test_a_wrong_configuration_is_an_error_though_another_was_launched(tuned: Checked) -> None:
    assert outcomes(tuned["second_wrong"]) == [
        ("sm_80", True, "BLOCK: 1024"),
        ("sm_80", False, "BLOCK: 48"),
        ("sm_90", True, "BLOCK: 1024"),
        ("sm_90", False, "BLOCK: 48"),
    ]
    error = tuned["second_wrong"]["results"][1]["error"]
    assert error["line"] == line_of("tuned", "adds_up_rows", "DEFECT")


def test_a_static_assert_that_fails_is_passed_over(tuned: Checked) -> None:
    assert outcomes(tuned["second_refused"]) == outcomes(tuned["all_fit"])


def test_pruned_configurations_do_not_count(tuned: Checked) -> None:
    assert outcomes(tuned["pruned"]) == outcomes(tuned["all_fit"])
