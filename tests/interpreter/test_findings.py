"""What a finding says: index, range, mask, programs, and a sentence that students understand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from grader.worker.interpreter import Finding, Kind, Recording, record
from tests.interpreter.kernels import defective


def findings_of(launch: Callable[[], None]) -> list[Finding]:
    with record() as recording:
        launch()
    return recording.findings


def the_finding(launch: Callable[[], None]) -> Finding:
    (finding,) = findings_of(launch)
    return finding


def test_out_of_bounds_names_index_range_lanes_and_program() -> None:
    finding = the_finding(defective.no_load_mask)
    assert finding.kernel == "load_without_mask"
    assert Path(finding.file).name == "defective.py"
    assert finding.source_line == "x = tl.load(x_ptr + i)  # DEFECT"
    assert (finding.index, finding.multi_index, finding.valid) == (200, (200,), "0..199")
    assert (finding.program, finding.lanes, finding.count) == ((3, 0, 0), 56, 1)
    assert finding.message == (
        "Program 3 reads x_ptr[200], but x_ptr holds 0..199: 56 lanes out of bounds, "
        "and there is no mask."
    )


@pytest.mark.parametrize(
    ("launch", "masked"),
    [(defective.no_store_mask, "none"), (defective.mask_off_by_one, "some")],
)
def test_no_mask_and_a_wrong_mask_are_told_apart(launch: Callable[[], None], masked: str) -> None:
    assert the_finding(launch).masked == masked


def test_an_index_into_a_matrix_has_two_dimensions() -> None:
    finding = the_finding(defective.no_row_mask)
    assert finding.multi_index == (13, 0)
    assert finding.valid == "[0..12, 0..29]"
    assert "x_ptr[13, 0]" in finding.message


def test_a_gap_between_rows_has_an_index_of_its_own() -> None:
    finding = the_finding(defective.block_wider_than_the_rows_of_a_view)
    assert finding.multi_index == (0, 100)
    assert finding.valid == "[0..3, 0..99]"
    assert (finding.lanes, finding.count) == (28, 4)


def test_an_index_before_the_first_element_is_negative() -> None:
    finding = the_finding(defective.before_a_view_in_the_middle_of_a_storage)
    assert (finding.index, finding.multi_index) == (-1, None)
    assert "x_ptr[-1]" in finding.message


def test_an_overflowed_offset_is_named_as_such() -> None:
    finding = the_finding(defective.int32_overflow)
    assert finding.int32_overflow
    assert finding.index == -(2**31)
    assert "tl.program_id(0).to(tl.int64)" in finding.message


def test_an_ordinary_index_is_no_overflow() -> None:
    assert not the_finding(defective.index_minus_100).int32_overflow


def test_a_race_names_both_programs() -> None:
    finding = the_finding(defective.shift_in_place)
    assert (finding.program, finding.other_program) == ((1, 0, 0), (0, 0, 0))
    assert (finding.index, finding.count) == (32, 3)


def test_a_wild_pointer_has_no_tensor() -> None:
    finding = the_finding(defective.pointer_made_of_an_integer)
    assert (finding.tensor, finding.index, finding.valid) == (None, None, "")
    assert "0x200000000" in finding.message


def test_repetitions_are_counted_not_listed() -> None:
    assert the_finding(defective.store_where_an_atomic_is_needed).count == 3


def test_findings_are_json() -> None:
    for case in defective.CASES:
        for finding in findings_of(case.launch):
            told = json.loads(json.dumps(finding.to_json()))
            assert told["kind"] == finding.kind.value
            assert finding.message.endswith(".")


def test_the_same_defect_in_two_launches_is_one_finding() -> None:
    def twice() -> None:
        defective.no_load_mask()
        defective.no_load_mask()

    assert the_finding(twice).count == 2


def test_a_faulty_store_changes_nothing_around_the_tensor() -> None:
    storage = torch.zeros(4, 128)
    with record():
        defective.store_rows[(4,)](torch.ones(4, 100), storage[:, :100], 128, 100, 128)
    assert torch.equal(storage[:, :100], torch.ones(4, 100))
    assert torch.equal(storage[:, 100:], torch.zeros(4, 28))


def test_a_faulty_lane_reads_poison() -> None:
    o = torch.zeros(200)
    with record():
        defective.left_neighbour[(1,)](torch.ones(50), o, 50, 64)
    assert o[0].isnan()
    assert torch.equal(o[1:50], torch.ones(49))


def test_a_recording_starts_empty() -> None:
    with record() as recording:
        pass
    assert recording == Recording()
    assert Kind.OUT_OF_BOUNDS == "out-of-bounds"
