from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from grader.judge.diagnosis.regions import contiguous, describe, index_text, span_text


def marked(*shape: int, at: object) -> torch.Tensor:
    mask = torch.zeros(shape, dtype=torch.bool)
    mask[at] = True  # type: ignore[index]
    return mask


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (marked(10, at=slice(None)), "all elements"),
        (marked(1, at=0), "the only element"),
        (marked(at=()), "the only element"),
        (marked(2, 3, 4, at=...), "all elements"),
        (marked(100, at=slice(96, 100)), "the last 4 of 100 elements (96–99)"),
        (marked(100, at=slice(0, 4)), "the first 4 of 100 elements"),
        (marked(100, at=slice(10, 20)), "elements 10–19 of 100"),
        (marked(100, at=99), "element 99 of 100"),
        (marked(100, at=0), "element 0 of 100"),
        (marked(100, at=slice(1, None, 2)), "50 of 100 elements, the first at [1],"),
        (marked(8, 5, at=slice(2, 4)), "rows 2–3 of 8"),
        (marked(8, 5, at=7), "row 7 of 8"),
        (marked(8, 1000, at=(slice(None), slice(896, 1000))), "columns 896–999 of every row"),
        (marked(8, 5, at=(slice(None), 0)), "column 0 of every row"),
        (marked(8, 5, at=(3, 2)), "element 17 of 40"),
        (marked(8, 5, at=(slice(None, None, 2), 1)), "4 of 40 elements, the first at [0, 1],"),
        (marked(8, 5, at=(slice(2, 4), slice(1, 3))), "4 of 40 elements, the first at [2, 1],"),
        (marked(8, 5, at=slice(None, None, 2)), "20 of 40 elements, the first at [0, 0],"),
        (marked(2, 3, 4, at=(1, 2, slice(2, 4))), "the last 2 of 24 elements (22–23)"),
        (marked(2, 3, 4, at=(slice(None), 1, 0)), "2 of 24 elements, the first at [0, 1, 0],"),
    ],
)
def test_elements_are_named_as_shortly_as_they_can_be(mask: torch.Tensor, words: str) -> None:
    assert describe(mask) == words


@pytest.mark.parametrize(
    ("first", "last", "text"), [(3, 7, "rows 3–7"), (3, 3, "row 3"), (0, 1, "rows 0–1")]
)
def test_a_span_of_one_is_singular(first: int, last: int, text: str) -> None:
    assert span_text(first, last, "row") == text


@pytest.mark.parametrize(
    ("flags", "run"),
    [("0110", (1, 2)), ("1", (0, 0)), ("0001", (3, 3)), ("1011", None), ("000", None), ("", None)],
)
def test_a_run_has_no_gaps(flags: str, run: tuple[int, int] | None) -> None:
    assert contiguous(torch.tensor([flag == "1" for flag in flags], dtype=torch.bool)) == run


@pytest.mark.parametrize(
    ("make", "text"),
    [(lambda: marked(4, at=2), "[2]"), (lambda: marked(4, 5, at=(3, 4)), "[3, 4]")],
)
def test_an_index_is_written_as_in_python(make: Callable[[], torch.Tensor], text: str) -> None:
    assert index_text(make()) == text
