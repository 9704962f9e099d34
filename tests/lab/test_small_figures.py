"""Pictures of matrices and of reductions."""

from __future__ import annotations

import pytest
import torch

from grader import lab
from grader.lab.figures.images import images
from grader.lab.figures.reduction import reduction_tree
from tests.lab.kernels import double, double_in_place


def test_images_stand_side_by_side_under_their_titles() -> None:
    made = images({"mask": torch.zeros(4, 8, dtype=torch.bool), "noise": torch.rand(4, 8)})
    assert [axes.get_title(loc="left") for axes in made.axes] == ["mask", "noise"]
    assert len(made.png()) < 60_000


def test_a_reduction_halves_its_lanes_in_each_step() -> None:
    made = reduction_tree([3, 1, 4, 1, 5, 9, 2, 6], max, "maximum")
    texts = [text.get_text() for text in made.axes[0].texts]
    assert texts[-2:] == ["9", "step 3"]
    assert "maximum of 8 lanes in 3 steps" in made.says


def test_lanes_are_a_power_of_two() -> None:
    with pytest.raises(ValueError, match="power of two"):
        reduction_tree([1.0, 2.0, 3.0], max, "maximum")


def test_walks_show_each_access_of_a_program_in_its_order() -> None:
    x = torch.zeros(100)
    with lab.record() as seen:
        double[(2,)](torch.empty_like(x), x, 100, BLOCK=64)
    made = lab.walks(seen, program=1)
    assert made.axes[0].get_title(loc="left") == "double, program 1: 2 accesses"
    assert [round(bar.get_x()) for bar in made.axes[0].patches] == [64, 64]
    assert [label.get_text() for label in made.axes[0].get_yticklabels()] == [
        "load x_ptr",
        "store z_ptr",
    ]


def test_an_access_of_a_single_element_can_be_seen() -> None:
    x = torch.zeros(100)
    with lab.record() as seen:
        double[(1,)](torch.empty_like(x), x, 1, BLOCK=64)
    markers = lab.walks(seen).axes[0].get_lines()
    assert [(line.get_xdata()[0], line.get_marker()) for line in markers] == [(0, "o"), (0, "s")]


def test_a_program_with_more_accesses_than_lines_can_name_names_them_beside() -> None:
    x = torch.zeros(40)
    with lab.record() as seen:
        double_in_place[(1,)](x, 40)
    legend = lab.walks(seen).axes[0].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["load x_ptr", "store x_ptr"]


def test_walks_of_something_unfinished_say_so() -> None:
    seen = lab.touches(lambda: 1 // 0)
    assert "ZeroDivisionError" in lab.walks(seen).says
