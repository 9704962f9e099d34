from __future__ import annotations

import contextlib
import errno
import fcntl
import mmap
import os

import pytest
import torch

from grader.protocol.slots import ALIGNMENT, Slot, aligned


def worker_side(slot: Slot) -> Slot:
    """The same memory as another process gets it: through a duplicated descriptor."""
    return Slot(os.dup(slot.descriptor))


@pytest.mark.parametrize(
    ("nbytes", "expected"),
    [(0, 0), (1, ALIGNMENT), (ALIGNMENT, ALIGNMENT), (ALIGNMENT + 1, 2 * ALIGNMENT)],
)
def test_tensors_start_at_multiples_of_the_alignment(nbytes: int, expected: int) -> None:
    assert aligned(nbytes) == expected


@pytest.mark.parametrize("capacity", [0, 1, 4096, 100_000])
def test_a_slot_has_at_least_the_size_asked_for(capacity: int) -> None:
    with Slot.create(capacity, "test") as slot:
        assert slot.capacity >= max(capacity, 1)
        assert slot.bytes(0, slot.capacity).numel() == slot.capacity


def test_what_one_side_writes_the_other_sees() -> None:
    with Slot.create(100, "test") as slot, worker_side(slot) as theirs:
        slot.bytes(10, 3).copy_(torch.tensor([1, 2, 3], dtype=torch.uint8))
        assert theirs.capacity == slot.capacity
        assert theirs.bytes(9, 5).tolist() == [0, 1, 2, 3, 0]
        theirs.bytes(0, 1).fill_(7)
        assert slot.bytes(0, 1).item() == 7


@pytest.mark.parametrize("size", [0, 1, mmap.PAGESIZE * 100])
def test_the_worker_cannot_change_the_size_of_a_slot(size: int) -> None:
    with Slot.create(10 * mmap.PAGESIZE, "test") as slot, worker_side(slot) as theirs:
        with pytest.raises(PermissionError):
            os.ftruncate(theirs.descriptor, size)
        assert os.fstat(slot.descriptor).st_size == slot.capacity


@pytest.mark.parametrize("seal", [fcntl.F_SEAL_WRITE, fcntl.F_SEAL_SHRINK])
def test_the_worker_cannot_add_seals(seal: int) -> None:
    with Slot.create(100, "test") as slot, worker_side(slot) as theirs:
        with pytest.raises(OSError, match=os.strerror(errno.EPERM)):
            fcntl.fcntl(theirs.descriptor, fcntl.F_ADD_SEALS, seal)
        slot.bytes(0, 1).fill_(1)


def test_pages_that_the_worker_gives_back_read_as_zeros_and_kill_nobody() -> None:
    with Slot.create(4 * mmap.PAGESIZE, "test") as slot, worker_side(slot) as theirs:
        slot.bytes(0, slot.capacity).fill_(5)
        with contextlib.suppress(OSError):  # not every kernel's MADV_REMOVE is allowed
            theirs._map.madvise(mmap.MADV_REMOVE)
        assert set(slot.bytes(0, slot.capacity).tolist()) <= {0, 5}


@pytest.mark.parametrize(
    ("offset", "nbytes"), [(-1, 1), (0, -1), (0, 4097), (4096, 1), (4097, 0), (2**70, 1)]
)
def test_bytes_outside_a_slot_cannot_be_had(offset: int, nbytes: int) -> None:
    with Slot.create(4096, "test") as slot, pytest.raises(ValueError, match="of a slot of 4096"):
        slot.bytes(offset, nbytes)


def test_a_closed_slot_gives_no_bytes_and_holds_no_descriptor() -> None:
    before = set(os.listdir("/proc/self/fd"))
    slot = Slot.create(4096, "test")
    slot.close()
    assert set(os.listdir("/proc/self/fd")) == before
    with pytest.raises(ValueError, match="slot"):
        slot.bytes(0, 1)


def test_a_view_handed_out_survives_the_closing_of_its_slot() -> None:
    slot = Slot.create(4096, "test")
    view = slot.bytes(0, 4).fill_(9)
    slot.close()
    assert view.tolist() == [9] * 4
