"""What is known about memory that nobody wrote, across launches and torch operations."""

from __future__ import annotations

import pytest
import torch

from grader.worker.interpreter import (
    Finding,
    Kind,
    mark_initialised,
    mark_uninitialised,
    record,
    tracked_allocations,
)
from grader.worker.interpreter.sanitizer.initialised import registry
from tests.interpreter.kernels.sound import add


def read(x: torch.Tensor) -> list[Finding]:
    """Findings of a launch that reads all of a tensor, in programs of 64 elements."""
    with record() as recording:
        add(x, torch.ones_like(x), torch.empty_like(x))
    return recording.findings


def test_the_map_outlives_launch_and_recording() -> None:
    with record():
        buffer = torch.empty(100)
        add(torch.ones(60), torch.ones(60), buffer[:60])
    assert read(buffer[:60]) == []
    (finding,) = read(buffer)
    assert (finding.kind, finding.index, finding.lanes) == (Kind.UNINITIALISED, 60, 4)
    assert finding.count == 2


def test_only_what_was_marked_is_uninitialised() -> None:
    x = torch.ones(10, 10)
    mark_uninitialised(x[:, 3:5])
    assert {f.index for f in read(x)} == {3}
    mark_initialised(x[:5])
    assert {f.index for f in read(x)} == {53}
    mark_initialised(x[5:, 3:5])
    assert read(x) == []


def test_a_mark_of_bytes_holds_for_words() -> None:
    buffer = torch.ones(64, dtype=torch.uint8)
    mark_uninitialised(buffer[8:12])
    assert {f.index for f in read(buffer.view(torch.float32))} == {2}


@pytest.mark.parametrize(
    "write",
    [
        lambda x: x.zero_(),
        lambda x: x.copy_(torch.ones_like(x)),
        lambda x: x[:].fill_(1.0),
        lambda x: torch.ones(64, out=x),
        lambda x: torch._foreach_add_([x], 1.0),
        lambda x: x.view(8, 8).t().normal_(),
    ],
)
def test_torch_operations_initialise(write: object) -> None:
    with record() as recording:
        x = torch.empty(64)
        write(x)  # type: ignore[operator]
        add(x, x, torch.empty(64))
    assert recording.findings == []


@pytest.mark.parametrize(
    "allocate",
    [
        lambda: torch.empty(64),
        lambda: torch.empty_like(torch.ones(64)),
        lambda: torch.ones(1).new_empty(64),
        lambda: torch.empty_strided((64,), (1,)),
        lambda: torch.empty(8, 8).view(64).detach(),
    ],
)
def test_all_ways_to_get_empty_memory_are_known(allocate: object) -> None:
    with tracked_allocations():
        x = allocate()  # type: ignore[operator]
    assert [f.kind for f in read(x)] == [Kind.UNINITIALISED]


def test_without_tracking_only_marks_count() -> None:
    with record(track_allocations=False) as recording:
        x = torch.empty(64)
        add(x, x, torch.empty(64))
    assert recording.findings == []


def test_a_new_storage_at_an_old_address_is_not_mistaken() -> None:
    for _ in range(100):
        with tracked_allocations():
            torch.empty(64)
        assert read(torch.ones(64)) == []
    assert len(registry) < 100


def test_huge_storages_are_not_tracked() -> None:
    with tracked_allocations():
        x = torch.empty(2**27)
    assert read(x[:64]) == []
