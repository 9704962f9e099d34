"""What a speed measurement looks like: lines for a terminal, a figure for a page."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ElementTree
from typing import Any

import pytest

from grader.report.roofline_plot import roofline_svg
from grader.report.timing_view import bar, timing_lines

THRESHOLD = {
    "full": 1.4, "half": 1.19, "zero": 0.7, "authored": 1.4,
    "calibrated": True, "reason": "", "counted": "ratio",
}  # fmt: skip
SOFTMAX: dict[str, Any] = {
    "ratio": 1.58,
    "low": 1.572,
    "high": 1.589,
    "threshold": THRESHOLD,
    "baseline": {"name": "torch_softmax", "seconds_per_call": 2.05e-4},
    "student": {"seconds_per_call": 1.3e-4},
    "bytes_moved": 5.37e8,
    "flops": None,
    "dtype": "float16",
    "achieved_bytes_per_s": 4.13e12,
    "achieved_flops": None,
    "ceiling": {"bytes_per_s": 4.25e12, "flops_per_s": 7.9e14, "limit": "memory"},
    "share_of_ceiling": 0.97,
    "flags": [],
}
MATMUL = SOFTMAX | {
    "bytes_moved": 4.03e8,
    "flops": 1.1e12,
    "baseline": {"name": "torch_mm <fp16> $x$", "seconds_per_call": 1.5e-3},
    "student": {"seconds_per_call": 1.6e-3},
    "achieved_flops": 6.87e14,
    "ceiling": SOFTMAX["ceiling"] | {"limit": "compute"},
    "share_of_ceiling": 0.87,
}


def test_the_lines_tell_ratio_threshold_and_ceiling() -> None:
    assert timing_lines(SOFTMAX) == [
        "1.58× the speed of torch_softmax  [1.57, 1.59]  130 us a call",
        "all points from 1.40, half from 1.19",
        "███████████████████████░ 4.13 TB/s, 97% of this GPU's 4.25 TB/s",
    ]


def test_a_plain_terminal_gets_ascii() -> None:
    assert all(line.isascii() for line in timing_lines(SOFTMAX, ascii=True))


def test_a_compute_bound_test_shows_operations() -> None:
    assert timing_lines(MATMUL)[2].endswith("687 TFLOP/s, 87% of this GPU's 790 TFLOP/s")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"calibrated": False}, "all points from 1.40, half from 1.19 (uncalibrated)"),
        ({"authored": 1.6}, "half from 1.19 (calibrated: 1.60 where it was authored)"),
        ({"counted": "bandwidth"}, "half from 1.19; bandwidth counted"),
    ],
)
def test_the_report_says_which_threshold_it_was(changes: dict[str, Any], told: str) -> None:
    assert timing_lines(SOFTMAX | {"threshold": THRESHOLD | changes})[1].endswith(told)


def test_flags_are_shown() -> None:
    lines = timing_lines(SOFTMAX | {"flags": ["throttled: power", "GPU shared: 1 other process"]})
    assert lines[-1] == "note: throttled: power; GPU shared: 1 other process"


def test_what_is_not_known_is_left_out() -> None:
    assert timing_lines({}) == []
    unmeasured = SOFTMAX | {"ceiling": {}, "share_of_ceiling": None, "ratio": None}
    assert timing_lines(unmeasured)[-1] == "4.13 TB/s"


def test_lines_fit_a_terminal() -> None:
    assert max(map(len, timing_lines(MATMUL))) <= 76


@pytest.mark.parametrize(("share", "cells"), [(-1, 0), (0, 0), (0.5, 12), (1, 24), (7, 24)])
def test_a_bar_is_as_long_as_the_share_and_never_longer(share: float, cells: int) -> None:
    assert bar(share).count("█") == cells
    assert len(bar(share)) == 24


# -- the figure ----------------------------------------------------------------------------


@pytest.mark.parametrize("timing", [SOFTMAX, MATMUL], ids=["bytes alone", "bytes and flops"])
def test_the_figure_is_one_svg_element_that_follows_the_page(timing: dict[str, Any]) -> None:
    pytest.importorskip("matplotlib")
    text = roofline_svg(timing, "lesson03.test_speed")
    assert text is not None
    assert ElementTree.fromstring(text).tag.endswith("svg")
    assert text.startswith("<svg ")
    assert "currentColor" in text
    assert "yours: " in text


def test_the_figure_is_the_same_each_time_and_shares_no_id_with_another() -> None:
    pytest.importorskip("matplotlib")
    one, again, other = (roofline_svg(SOFTMAX, name) for name in ("a", "a", "b"))
    assert one == again
    assert one is not None
    assert other is not None
    ids = [
        {each.get("id") for each in ElementTree.fromstring(text).iter() if each.get("id")}
        for text in (one, other)
    ]
    assert ids[0].isdisjoint(ids[1])


def test_without_work_or_ceiling_there_is_no_figure() -> None:
    assert roofline_svg({}) is None
    assert roofline_svg(SOFTMAX | {"bytes_moved": None}) is None
    assert roofline_svg(SOFTMAX | {"ceiling": {"bytes_per_s": None}}) is None


def test_without_matplotlib_there_is_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert roofline_svg(SOFTMAX) is None
