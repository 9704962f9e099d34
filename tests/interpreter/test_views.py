"""Bounds of a view against a plain list of its elements' offsets."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.worker.interpreter.sanitizer import views
from grader.worker.interpreter.sanitizer.views import View, window


def view_of(x: torch.Tensor) -> View:
    start = x.storage_offset() * x.itemsize
    return View("x", 0, x.data_ptr(), start, x.shape, x.stride(), x.itemsize)


def inside(view: View, elements: list[int]) -> list[bool]:
    offsets = np.array(elements, dtype=np.int64) * view.itemsize
    return [bool(flag) for flag in ~view.outside(offsets, view.itemsize)]


@st.composite
def strided(draw: st.DrawFn) -> torch.Tensor:
    shape = draw(st.lists(st.integers(0, 4), min_size=0, max_size=3))
    strides = draw(st.lists(st.integers(0, 9), min_size=len(shape), max_size=len(shape)))
    return torch.zeros(200).as_strided(shape, strides, draw(st.integers(0, 50)))


@pytest.mark.parametrize("largest_map", [1 << 24, 0])
def test_exactly_the_elements_of_a_view_are_inside(
    largest_map: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "_LARGEST_MAP", largest_map)

    @settings(deadline=None)
    @given(strided())
    def check(x: torch.Tensor) -> None:
        elements = list(range(-5, 60))
        indices = torch.arange(200).as_strided(x.shape, x.stride()).flatten().tolist()
        found = inside(view_of(x), elements)
        exact = [element in indices for element in elements]
        if largest_map:
            assert found == exact
        else:  # rows that overlap count as one piece of memory, so there is no false alarm
            assert all(f for f, e in zip(found, exact, strict=True) if e)
            assert not any(found[: elements.index(0)])

    check()


@settings(deadline=None)
@given(strided())
def test_a_multi_index_leads_back_to_its_element(x: torch.Tensor) -> None:
    view = view_of(x)
    for element in torch.arange(200).as_strided(x.shape, x.stride()).flatten().tolist():
        index = view.multi_index(element)
        if x.dim() and index is not None:
            assert sum(i * s for i, s in zip(index, x.stride(), strict=True)) == element


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (torch.zeros(10), "0..9"),
        (torch.zeros(3, 4), "[0..2, 0..3]"),
        (torch.zeros(1, 4), "[0, 0..3]"),
        (torch.zeros(()), "0"),
        (torch.zeros(0, 4), "nothing"),
    ],
)
def test_valid_range(x: torch.Tensor, text: str) -> None:
    assert view_of(x).valid_range() == text


def test_a_wide_access_has_to_fit_whole() -> None:
    view = view_of(torch.zeros(10, dtype=torch.uint8))
    assert view.outside(np.array([-1, 0, 6, 7]), 4).tolist() == [True, False, False, True]


def test_windows_keep_the_alignment_that_a_kernel_can_see() -> None:
    x = torch.zeros(1000)
    for number, start in enumerate((0, 1, 4, 64)):
        part = x[start:]
        view = View("x", number, part.data_ptr(), start * 4, part.shape, part.stride(), 4)
        assert view.base % 256 == part.data_ptr() % 256
        assert window(view.base) == window(view.base - 2**40) == number
