"""What an honest submission did fits into a frame, however much it was."""

from __future__ import annotations

import json
from typing import Any

import pytest

from grader.protocol.frames import MAX_FRAME_BYTES, Message
from grader.worker.shortening import MOST_LAUNCHES, fitted, launches_to_report

ACCENT = "\U0001f600"  # as long as text becomes in JSON


def traffic(parameter: str = "x_ptr", **changes: Any) -> Message:
    return {
        "parameter": parameter, "shape": [4], "dtype": "float32", "loads": 8, "unique_loads": 4,
        "reads_per_element": 2.0, "stores": 0, "unique_stores": 0, "atomics": 0,
        "bytes_loaded": 32, "bytes_stored": 16, "sector_efficiency": 0.5,
    } | changes  # fmt: skip


def launch(kernel: str, *tensors: Message) -> Message:
    grid = {"grid": [1, 1, 1], "programs": 1, "rehearsal": False}
    return {"kernel": kernel, "tensors": list(tensors), **grid}


def run(**changes: Any) -> Message:
    empty: Message = {"result": {"value": None}, "inputs_after": [], "violations": []}
    return empty | {"findings": [], "launches": [], "compiled": [], "audit": {}} | changes


def test_few_launches_are_told_one_by_one() -> None:
    told = launches_to_report([launch("a", traffic()), launch("a", traffic()), launch("b")])
    assert [each["kernel"] for each in told] == ["a", "a", "b"]
    assert told[0]["tensors"] == [
        {"parameter": "x_ptr", "bytes_loaded": 32, "bytes_stored": 16, "reads_per_element": 2.0,
         "sector_efficiency": 0.5}
    ]  # fmt: skip


def test_of_many_launches_no_byte_and_no_kernel_is_lost() -> None:
    many = [launch("a", traffic(), traffic("y_ptr", loads=0, unique_loads=0))] * 5000
    told = launches_to_report([*many, launch("last", traffic(sector_efficiency=None))])
    assert [each["kernel"] for each in told] == ["a", "last"]
    x, y = told[0]["tensors"]
    assert (x["bytes_loaded"], x["bytes_stored"], x["reads_per_element"]) == (160_000, 80_000, 2.0)
    assert (y["parameter"], y["reads_per_element"]) == ("y_ptr", 0.0)


def test_a_reply_that_fits_is_sent_as_it_is() -> None:
    reply = {"runs": [run(findings=[{"message": "x" * 2000}])], "nbytes": 0}
    assert fitted(reply) == reply
    assert fitted({"written": True}) == {"written": True}


@pytest.mark.parametrize(
    "much",
    [
        {"violations": [{"role": "input", "side": "after"}] * 100_000},
        {"findings": [{"message": ACCENT * 5000}] * 16},
        {"compiled": [{"error": {"message": ACCENT * 5000}}] * 32},
        {"launches": [launch(ACCENT * 5000)] * MOST_LAUNCHES},
        {"result": {"items": [{"items": [{"other": ACCENT * 200}] * 16}] * 16}},
        {"result": {"items": [{"value": 1.25}] * 200_000}},
    ],
    ids=lambda much: next(iter(much)),
)
def test_a_reply_of_any_length_is_made_to_fit(much: Message) -> None:
    reply = {"runs": [run(**much)] * 2, "nbytes": 5, "id": "x" * 32}
    short = fitted(reply)
    assert len(json.dumps(short)) <= MAX_FRAME_BYTES
    assert (len(short["runs"]), short["nbytes"], short["id"]) == (2, 5, "x" * 32)
    assert all(run[name] for run in short["runs"] for name in much)
