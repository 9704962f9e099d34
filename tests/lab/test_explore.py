from __future__ import annotations

import pytest

from grader import lab
from grader.lab.style import Picture


def draw(BLOCK: int) -> Picture:
    return lab.block_mapping(100, BLOCK)


def test_a_slider_comes_with_a_picture_for_readers() -> None:
    data, _ = lab.explore(draw, BLOCK=[16, 32])._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert data["image/png"]


def test_executed_for_readers_it_is_a_picture_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_STATIC", "1")
    data, _ = lab.explore(draw, BLOCK=[16, 32])._repr_mimebundle_()
    assert set(data) == {"image/png", "text/plain"}
    assert "BLOCK=16" in data["text/plain"]


def test_moving_the_slider_draws_anew() -> None:
    explorer = lab.explore(draw, BLOCK=[16, 32])
    row, image = explorer._widget().children
    before = image.value
    row.children[0].value = 32
    assert image.value != before


def test_a_start_that_is_no_choice_is_refused() -> None:
    with pytest.raises(ValueError, match="none of its choices"):
        lab.explore(draw, BLOCK=[16, 32], start={"BLOCK": 64})
