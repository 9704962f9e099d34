"""A speed measurement as plain lines: the ratio, the bar of the GPU's ceiling, what to know.

Takes the ``timing`` of a test as the report's JSON holds it (``grader.judge.timing.record``
has the table of its keys) and returns text, with a line left out where there is nothing to
tell.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from grader.units import operations, quantity

BAR_CELLS = 24


def timing_lines(timing: Mapping[str, Any], *, ascii: bool = False) -> list[str]:
    """The lines below a speed test, each at most about 76 characters.

    Args:
        timing: A test's ``timing``.
        ascii: For a terminal that shows nothing but ASCII.
    """
    lines = [
        _speedup(timing, ascii=ascii),
        _threshold(timing),
        _ceiling(timing, ascii=ascii),
        _flags(timing),
    ]
    return [line for line in lines if line]


def rate_sentence(timing: Mapping[str, Any]) -> str | None:
    """``4.12 TB/s, 97% of this GPU's 4.25 TB/s`` from a test's ``timing``; None without rates."""
    ceiling = timing.get("ceiling") or {}
    by_compute = ceiling.get("limit") == "compute" or timing.get("achieved_bytes_per_s") is None
    if by_compute:
        rate, top = timing.get("achieved_flops"), ceiling.get("flops_per_s")
        unit = operations(str(timing.get("dtype", "")))
    else:
        rate, top, unit = timing["achieved_bytes_per_s"], ceiling.get("bytes_per_s"), "B/s"
    if rate is None:
        return None
    if top is None:
        return quantity(rate, unit)
    peak = "theoretical " if ceiling.get("source") == "theoretical" else ""
    return f"{quantity(rate, unit)}, {rate / top:.0%} of this GPU's {peak}{quantity(top, unit)}"


def bar(share: float, cells: int = BAR_CELLS, *, ascii: bool = False) -> str:
    """A bar of a share of a whole; full at 1 and above."""
    on, off = ("#", ".") if ascii else ("█", "░")
    full = round(min(1.0, max(0.0, share)) * cells)
    return on * full + off * (cells - full)


def _speedup(timing: Mapping[str, Any], *, ascii: bool) -> str:
    ratio, low, high = (_number(timing.get(name)) for name in ("ratio", "low", "high"))
    if ratio is None:
        return ""
    times = "x" if ascii else "×"
    baseline = _table(timing, "baseline").get("name", "the baseline")
    spread = f"  [{low:.2f}, {high:.2f}]" if low is not None and high is not None else ""
    return f"{ratio:.2f}{times} the speed of {baseline}{spread}{_per_call(timing)}"


def _per_call(timing: Mapping[str, Any]) -> str:
    seconds = _number(_table(timing, "student").get("seconds_per_call"))
    return f"  {_short_time(seconds)} a call" if seconds else ""


def _short_time(seconds: float) -> str:
    if seconds >= 1:
        return f"{seconds:.3g} s"
    return f"{seconds * 1e3:.3g} ms" if seconds >= 1e-3 else f"{seconds * 1e6:.3g} us"


def _threshold(timing: Mapping[str, Any]) -> str:
    threshold = _table(timing, "threshold")
    full, half = _number(threshold.get("full")), _number(threshold.get("half"))
    authored = _number(threshold.get("authored"))
    if full is None or half is None:
        return ""
    told = f"all points from {full:.2f}, half from {half:.2f}"
    if not threshold.get("calibrated"):
        told += " (uncalibrated)"
    elif authored is not None and not math.isclose(full, authored, rel_tol=5e-3):
        told += f" (calibrated: {authored:.2f} where it was authored)"
    if threshold.get("counted") == "bandwidth":
        told += "; bandwidth counted"
    return told


def _ceiling(timing: Mapping[str, Any], *, ascii: bool) -> str:
    sentence = rate_sentence(timing)
    share = _number(timing.get("share_of_ceiling"))
    if sentence is None or share is None:
        return sentence or ""
    return f"{bar(share, ascii=ascii)} {sentence}"


def _flags(timing: Mapping[str, Any]) -> str:
    flags = timing.get("flags") or ()
    return f"note: {'; '.join(map(str, flags))}" if flags else ""


def _table(timing: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = timing.get(name)
    return value if isinstance(value, Mapping) else {}


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)
