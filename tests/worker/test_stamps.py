"""Memory that was written to after a kernel had stored there, by something that nobody watched."""

from __future__ import annotations

import ctypes

import torch

from grader.worker.stamps import Stamps


def found(stamps: Stamps, tensor: torch.Tensor) -> bool:
    """Whether a write is found."""
    stamps.compare([tensor])
    return stamps.was_overwritten(tensor)


def test_what_stays_as_it_was_stored_is_not_suspected() -> None:
    stamps, stored = Stamps(), torch.arange(100.0)
    stamps.take([stored])
    assert not found(stamps, stored)
    assert not found(stamps, torch.zeros(100))


def test_a_write_through_any_view_is_found() -> None:
    stamps, stored = Stamps(), torch.arange(100.0)
    stamps.take([stored])
    ctypes.memset(stored[50:].data_ptr(), 1, 4)
    assert found(stamps, stored[:10])


def test_a_write_that_was_seen_is_none_if_nothing_came_before_it() -> None:
    stamps, stored = Stamps(), torch.arange(100.0)
    stamps.take([stored])
    stamps.compare([stored])
    stored.zero_()
    stamps.renew([stored])
    assert not found(stamps, stored)


def test_a_write_that_was_seen_hides_none_that_was_not() -> None:
    stamps, stored = Stamps(), torch.arange(100.0)
    stamps.take([stored])
    ctypes.memset(stored.data_ptr(), 1, 400)
    stamps.compare([stored])
    stored[:1].zero_()
    stamps.renew([stored])
    assert found(stamps, stored)


def test_what_lies_far_apart_is_left_out() -> None:
    stamps, wide = Stamps(), torch.empty_strided((2, 2), (2**30, 1))
    stamps.take([wide])
    wide[0, 0] = 1
    assert not found(stamps, wide)
