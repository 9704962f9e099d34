"""What was returned is looked at without running the submission's code, and copied at once."""

from __future__ import annotations

import gc
from collections import namedtuple
from collections.abc import Iterator
from typing import Any

import pytest

from grader.worker.results import items_of, no_collection

Pair = namedtuple("Pair", "left right")  # noqa: PYI024 - as a submission may have it


class Late(list[Any]):
    def __iter__(self) -> Iterator[Any]:
        raise AssertionError("the submission's code ran")

    def __len__(self) -> int:
        raise AssertionError("the submission's code ran")


class Pretender:
    @property
    def __class__(self) -> Any:
        raise AssertionError("the submission's code ran")


@pytest.mark.parametrize("kind", [tuple, list, Pair._make, Late])
def test_tuples_and_lists_of_any_class_are_read_as_what_they_are(kind: Any) -> None:
    assert items_of(kind([1, 2])) == [1, 2]


@pytest.mark.parametrize("kind", [int, str, dict, Pretender])
def test_anything_else_has_no_items(kind: Any) -> None:
    assert items_of(kind()) is None


@pytest.mark.parametrize("enabled", [True, False])
def test_garbage_waits_and_the_setting_stays(enabled: bool) -> None:
    before = gc.isenabled()
    try:
        (gc.enable if enabled else gc.disable)()
        with no_collection():
            assert not gc.isenabled()
        assert gc.isenabled() is enabled
    finally:
        (gc.enable if before else gc.disable)()
