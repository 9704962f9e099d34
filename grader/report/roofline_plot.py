"""A roofline of one speed test as SVG text, for HTML reports and notebooks.

With bytes and operations known: rate against arithmetic intensity, both logarithmic, under
the roof of this GPU. With bytes alone: the two sides' bandwidth beside the copy's. Colours
are neutral on light and dark pages; the texts take the colour of the page.

matplotlib is imported when something is drawn. It is optional: without it there is no figure.
"""

from __future__ import annotations

import importlib
import io
import re
from collections.abc import Mapping
from typing import Any

from grader.units import operations, quantity

_INK = "#7a7a7a"  # replaced by the page's own colour
_STUDENT = "#2a9d5c"
_BASELINE = "#c9822b"
_SIZE = (4.6, 2.9)  # inches


def roofline_svg(timing: Mapping[str, Any], name: str = "roofline") -> str | None:
    """The figure as an ``<svg>`` element.

    Args:
        timing: A test's ``timing``.
        name: Makes the ids in the SVG differ from those of other figures on the page.

    Returns:
        None where matplotlib is missing or the timing tells no work or no ceiling.
    """
    ceiling = timing.get("ceiling") or {}
    if not timing.get("bytes_moved") or not ceiling.get("bytes_per_s"):
        return None
    try:
        matplotlib: Any = importlib.import_module("matplotlib")
        figures: Any = importlib.import_module("matplotlib.figure")
    except ImportError:
        return None
    style = {"svg.hashsalt": name, "svg.fonttype": "none", "font.size": 8, "text.parse_math": False}
    with matplotlib.rc_context(style):
        figure = figures.Figure(figsize=_SIZE, layout="constrained")
        axes = figure.add_subplot()
        if timing.get("flops") and ceiling.get("flops_per_s"):
            _draw_roof(axes, timing, ceiling)
        else:
            _draw_bandwidth(axes, timing, ceiling)
        _colour(axes)
        text = io.StringIO()
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None})
    return _inline(text.getvalue(), name)


def _draw_roof(axes: Any, timing: Mapping[str, Any], ceiling: Mapping[str, Any]) -> None:
    bandwidth, peak = ceiling["bytes_per_s"], ceiling["flops_per_s"]
    unit = operations(str(timing.get("dtype")))
    intensity = timing["flops"] / timing["bytes_moved"]
    ridge = peak / bandwidth
    left, right = min(intensity, ridge) / 8, max(intensity, ridge) * 4
    axes.loglog(
        [left, ridge, right], [left * bandwidth / 1e12, peak / 1e12, peak / 1e12], color=_INK
    )
    for label, seconds, colour, mark in _sides(timing):
        rate = timing["flops"] / seconds
        told = f"{label}: {quantity(rate, unit)}"
        axes.loglog([intensity], [rate / 1e12], mark, color=colour, label=told, markersize=7)
    axes.set_xlabel(f"arithmetic intensity, {unit.removesuffix('/s')} per byte")
    axes.set_ylabel(f"T{unit}")
    roof = f"{quantity(bandwidth, 'B/s')}, {quantity(peak, unit)}"
    axes.set_title(f"This GPU's roof: {roof}", color=_INK, fontsize=8)
    axes.legend(frameon=False, labelcolor=_INK, loc="lower right")
    _plain_ticks(axes)


def _plain_ticks(axes: Any) -> None:
    """1, 2, 5, 10 in plain digits: mathematical notation is no text in an SVG."""
    ticker: Any = importlib.import_module("matplotlib.ticker")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(ticker.LogLocator(base=10, subs=(1.0, 2.0, 5.0), numticks=8))
        axis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(ticker.NullFormatter())


def _draw_bandwidth(axes: Any, timing: Mapping[str, Any], ceiling: Mapping[str, Any]) -> None:
    top = ceiling["bytes_per_s"]
    for place, (label, seconds, colour, _) in enumerate(_sides(timing)):
        rate = timing["bytes_moved"] / seconds
        axes.barh([place], [rate / 1e9], color=colour, height=0.6)
        told = f" {label}: {quantity(rate, 'B/s')}"
        axes.text(0, place + 0.42, told, color=_INK, ha="left", va="bottom")
    axes.axvline(top / 1e9, color=_INK, linestyle="--")
    axes.set_yticks([])
    axes.set_ylim(-0.5, 1.9)
    axes.set_xlabel("GB/s that the result needs at the least")
    axes.set_title(f"This GPU's copy bandwidth: {quantity(top, 'B/s')}", color=_INK, fontsize=8)


def _sides(timing: Mapping[str, Any]) -> list[tuple[str, float, str, str]]:
    """Label, seconds per call, colour and mark of the baseline and of the student."""
    sides = []
    for key, colour, mark in (("baseline", _BASELINE, "s"), ("student", _STUDENT, "o")):
        side = timing.get(key) or {}
        if seconds := side.get("seconds_per_call"):
            label = "yours" if key == "student" else str(side.get("name", key))
            sides.append((label, seconds, colour, mark))
    return sides


def _colour(axes: Any) -> None:
    axes.tick_params(colors=_INK, which="both")
    axes.xaxis.label.set_color(_INK)
    axes.yaxis.label.set_color(_INK)
    for side, spine in axes.spines.items():
        spine.set_color(_INK)
        spine.set_visible(side in ("left", "bottom"))


def _inline(svg: str, name: str) -> str:
    """The element alone, in the page's text colour, with ids that no other figure has."""
    element = svg[svg.index("<svg") :].replace(_INK, "currentColor")
    element = re.sub(r"<metadata>.*?</metadata>\s*", "", element, flags=re.DOTALL)
    prefix = re.sub(r"\W+", "-", name)
    element = re.sub(r'\bid="', f'id="{prefix}-', element)
    element = re.sub(r'href="#', f'href="#{prefix}-', element)
    element = re.sub(r"url\(#", f"url(#{prefix}-", element)
    return element.replace("<svg ", '<svg role="img" ', 1).strip()
