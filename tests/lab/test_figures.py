from __future__ import annotations

import io
from collections.abc import Callable

import pytest
import torch
from PIL import Image

from grader import lab
from grader.lab.figures.tiles import grouped, row_major, tile_loads
from grader.lab.style import PALETTE, binary, on_colour

FIGURES: list[Callable[[], lab.Picture]] = [
    lab.memory_hierarchy,
    lambda: lab.block_mapping(300, 64),
    lambda: lab.tile_mapping(10, 50, 4, 16),
    lambda: lab.online_softmax([1.0, 3.0, 2.0, 5.0, 0.0], 2),
    lambda: lab.histograms({"a": torch.randn(50), "b": [0.0, 1.0]}, xlabel="error"),
    lambda: lab.program_order(4, 4, 2),
    lambda: lab.loads_by_group(8, 8, 4, 30, 8, [1, 2, 4]),
    lambda: lab.roofline({"add": (1 / 12, None), "product": (500.0, 1e14)}),
    lambda: lab.lines({"a": [3.0, 2.0], "b": [1.0]}, xlabel="step", ylabel="loss", logy=True),
    lambda: lab.occupancy_plot(warps=4, registers=128, shared=65536),
]


@pytest.mark.parametrize("draw", FIGURES)
def test_a_figure_is_a_small_picture_with_words(draw: Callable[[], lab.Picture]) -> None:
    data, about = draw()._repr_mimebundle_()
    assert 1_000 < len(data["image/png"]) < 60_000
    assert about["image/png"]["alt"]
    assert Image.open(io.BytesIO(data["image/png"])).width > 800


def test_each_colour_leaves_its_label_readable() -> None:
    def luminance(colour: str) -> float:
        parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    for colour in PALETTE:
        low, high = sorted([luminance(colour), luminance(on_colour(colour))])
        assert (high + 0.05) / (low + 0.05) >= 3.0, colour


def test_sizes_have_binary_prefixes() -> None:
    assert [binary(n) for n in (2**16, 3 * 2**20, 1000, 2**30)] == [
        "64 Ki",
        "3 Mi",
        "1,000",
        "1 Gi",
    ]


def test_grouping_makes_programs_share_tiles() -> None:
    plain = tile_loads(row_major(8, 8), 8, cache_tiles=24, together=8)
    banded = tile_loads(grouped(8, 8, 4), 8, cache_tiles=24, together=8)
    assert 128 <= banded < plain
    assert sorted(grouped(5, 3, 2)) == row_major(5, 3)


def test_a_cache_for_everything_loads_each_tile_once() -> None:
    assert tile_loads(row_major(4, 6), 5, cache_tiles=1000) == 4 * 5 + 5 * 6


def test_the_resource_that_runs_out_first_limits_occupancy() -> None:
    found = lab.occupancy(warps=4, registers=255, shared=0)
    assert found.limit == "registers"
    assert found.programs == found.limits["registers"]


def test_a_live_line_grows() -> None:
    live = lab.Live(xlabel="batch", ylabel="accuracy")
    live._show = lambda: None  # type: ignore[method-assign]
    for value in (0.5, 0.7):
        live.add(trained_policy=value)
    assert live.picture().axes[0].get_legend().get_texts()[0].get_text() == "trained policy"


def test_twice_as_much_stands_twice_as_high() -> None:
    axes = lab.lines({"a": [30.0, 60.0]}, xlabel="size", ylabel="GPU time (µs)").axes[0]
    assert axes.get_ylim()[0] == 0


def test_what_may_be_negative_or_spans_decades_does_not_start_at_zero() -> None:
    below = lab.lines({"a": [-1.0, 2.0]}, xlabel="step", ylabel="change").axes[0]
    wide = lab.lines({"a": [1e-6, 1.0]}, xlabel="step", ylabel="error", logy=True).axes[0]
    assert below.get_ylim()[0] < -1
    assert wide.get_yscale() == "log"
