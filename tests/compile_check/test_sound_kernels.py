"""Right kernels compile, with the facts that a GPU would show for them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.compile_check.conftest import COMPARED
from tests.compile_check.kernel_files import Checked, cases, line_of

CASES = cases("sound")


def on(checked: dict[str, Any], target: str) -> dict[str, Any]:
    result: dict[str, Any] = next(r for r in checked["results"] if r["target"] == target)
    return result


@pytest.mark.parametrize("case", CASES)
def test_compiles(sound: Checked, case: str) -> None:
    checked = sound[case]
    assert checked["raised"] is None
    assert [result["error"] for result in checked["results"]] == [None] * len(checked["results"])
    assert {"sm_80", "sm_90"} <= {result["target"] for result in checked["results"]}
    for result in checked["results"]:
        assert result["ok"]
        assert 1 <= result["registers"] <= 512
        assert not result["exceeds_shared"]


def test_aligned_data_is_moved_in_wide_words(sound: Checked) -> None:
    for result in sound["add"]["results"]:
        assert (result["load_bits"], result["store_bits"]) == (128, 128)


def test_a_misaligned_input_narrows_its_loads_only(sound: Checked) -> None:
    for result in sound["add_misaligned"]["results"]:
        assert (result["load_bits"], result["store_bits"]) == (32, 128)


def test_an_odd_length_narrows_all_masked_accesses(sound: Checked) -> None:
    for result in sound["add_odd_length"]["results"]:
        assert (result["load_bits"], result["store_bits"]) == (32, 32)


def test_accesses_are_told_by_line(sound: Checked) -> None:
    for result in sound["add"]["results"]:
        places = {(access["kind"], access["line"]) for access in result["accesses"]}
        assert places == {
            ("load", line_of("sound", "add", "LOADS")),
            ("store", line_of("sound", "add", "STORES")),
        }


def test_launches_that_compile_to_the_same_code_are_one(sound: Checked) -> None:
    assert sound["add_same_twice"]["launches"] == 1
    arguments = on(sound["add_same_twice"], "sm_80")["arguments"]
    assert arguments == on(sound["add"], "sm_80")["arguments"]


def test_arguments_tell_what_each_parameter_became(sound: Checked) -> None:
    assert on(sound["add_misaligned"], "sm_90")["arguments"] == {
        "x_ptr": "*fp32",
        "y_ptr": "*fp32",
        "out_ptr": "*fp32, 16-byte aligned",
        "n": "i32, divisible by 16",
        "BLOCK": "1024",
    }
    assert on(sound["tuple_argument"], "sm_90")["arguments"] == {
        "pair": "(*fp32, 16-byte aligned, i32)",
        "y_ptr": "*fp32, 16-byte aligned",
        "BLOCK": "64",
    }
    assert on(sound["function_argument"], "sm_90")["arguments"]["function"] == "variance"


def test_products_use_tensor_cores(sound: Checked) -> None:
    assert on(sound["matmul"], "sm_80")["instructions"]["mma"] > 0
    assert on(sound["matmul"], "sm_80")["instructions"]["cp_async"] > 0
    assert on(sound["matmul"], "sm_90")["instructions"]["wgmma"] > 0
    assert on(sound["matmul"], "gfx942")["instructions"]["mfma"] > 0
    assert on(sound["int8_product"], "sm_80")["instructions"]["mma"] > 0


def test_descriptors_use_the_copy_engine_where_there_is_one(sound: Checked) -> None:
    assert "tma" not in on(sound["tensor_descriptors"], "sm_80")["instructions"]
    assert on(sound["tensor_descriptors"], "sm_90")["instructions"]["tma"] == 2


def test_atomics_are_counted(sound: Checked) -> None:
    for result in sound["histogram"]["results"]:
        assert result["instructions"]["atomic"] == 1
        assert "atomic" in {access["kind"] for access in result["accesses"]}


def test_double_precision_is_counted(sound: Checked) -> None:
    for target in ("sm_80", "sm_90", "gfx942"):
        assert on(sound["fp64"], target)["instructions"]["fp64"] > 0
        assert "fp64" not in on(sound["add"], target)["instructions"]


def test_spills_are_told_in_bytes(sound: Checked) -> None:
    for result in sound["spills"]["results"]:
        assert result["registers"] == 24
        assert result["stack"] > 0
        assert result["spills"] > 0
        assert result["spill_loads"] > 0
    assert all(result["spills"] == 0 for result in sound["add"]["results"])


def test_launch_options_reach_the_compiler(sound: Checked) -> None:
    assert on(sound["softmax"], "sm_80")["num_warps"] == 8
    assert on(sound["add"], "sm_80")["num_warps"] == 4


def test_small_kernels_fill_a_multiprocessor(sound: Checked) -> None:
    assert on(sound["add"], "sm_80")["occupancy"] == {
        "blocks_per_sm": 16,
        "fraction": 1.0,
        "limiter": "warps",
    }
    assert on(sound["add"], "gfx942")["occupancy"] is None


def test_compiles_the_same_whether_or_not_kernels_were_interpreted(
    sound: Checked, later_runs: list[Checked]
) -> None:
    for case in COMPARED:
        there, here = sound[case]["results"], later_runs[1][case]["results"]
        assert [unclocked(result) for result in here][:2] == [
            unclocked(result) for result in there
        ][:2]
        assert not any(result["cached"] for result in here)


def unclocked(result: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in result.items() if name not in ("compile_s", "cached")}


def test_a_later_process_finds_the_facts_in_the_cache(
    sound: Checked, later_runs: list[Checked]
) -> None:
    for case, checked in later_runs[0].items():
        assert all(result["cached"] for result in checked["results"]), case
        assert [unclocked(result) for result in checked["results"]] == [
            unclocked(result) for result in sound[case]["results"]
        ]


def test_failures_are_tried_again(defective: Checked, later_runs: list[Checked]) -> None:
    """What is wrong may lie outside of all that the cache's key knows of."""
    again = later_runs[2]["leaves_loop"]["results"]
    assert [result["error"] for result in again] == [
        result["error"] for result in defective["leaves_loop"]["results"]
    ]
    assert not any(result["cached"] for result in again)
