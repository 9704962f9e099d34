"""Figures of single lessons: quantisation, pipelining."""

from __future__ import annotations

import pytest
import torch

from grader.lab.figures.pipeline import pipeline, schedule
from grader.lab.figures.quantization import error_maps, latency_bars, quantizer
from grader.lab.stored import Measured


def test_one_buffer_makes_loads_and_products_take_turns() -> None:
    spans = schedule(steps=4, stages=1, latency=3, work=1)
    assert spans[-1][1][1] == 4 * (3 + 1)


def test_enough_buffers_leave_only_the_first_load_to_wait_for() -> None:
    spans = schedule(steps=10, stages=4, latency=3, work=1)
    assert spans[-1][1][1] == 3 + 10


def test_a_buffer_is_not_filled_before_it_is_free() -> None:
    spans = schedule(steps=9, stages=2, latency=5, work=2)
    for step in range(2, 9):
        assert spans[step][0][0] >= spans[step - 2][1][1]


def test_pipeline_tells_how_busy_the_tensor_cores_are() -> None:
    assert "busy 25%" in pipeline(1).axes[0].get_title(loc="left")


@pytest.mark.parametrize("bits", [2, 8])
def test_quantizer_draws_any_number_of_bits(bits: int) -> None:
    assert quantizer(bits).png()


def test_error_maps_take_errors_that_are_zero() -> None:
    made = error_maps({"none": torch.zeros(3, 4), "some": torch.eye(3, 4)}, "errors")
    assert made.png()


def test_latency_bars_say_where_they_come_from_and_when_there_are_none() -> None:
    value = {"eager": [1.5, 2.0], "graph": [0.5, 0.6]}
    found = Measured(value, "Some GPU", "2026-01-01", "torch 2", here=False)
    assert "Some GPU" in latency_bars(found, "step").get_supxlabel()
    assert latency_bars(Measured(None), "step").png()
    assert latency_bars(None, "step").png()
