"""``python -m benchmarks.performance.table``: measurements of GPUs as ``docs/performance.md``."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

INTRODUCTION = """\
# Performance of the reference solutions

Made from stored measurements by `python -m benchmarks.performance.table`; nothing here is written
by hand. GPU time of one call in microseconds, median of 40, all implementations of a line measured
in turn in one process, each call on a cold L2 cache. "Share" is the share of this GPU's measured
ceiling that ours reaches: of the bandwidth of a large copy for operations that are bound by memory
(counting only the bytes that must move), of a large cuBLAS product for those bound by arithmetic
(int8: twice the fp16 rate, which cuBLAS's int8 product stays below).
"×" columns say how many times faster ours is; below 1 it is slower.
"""


def render(measured: dict[str, Any]) -> str:
    """One GPU's section."""
    versions = ", ".join(f"{name} {value}" for name, value in measured["versions"].items())
    copy = measured["copy_bandwidth_bytes_per_s"] / 1e12
    rates = ", ".join(
        f"{rate / 1e12:.0f} T{'OP' if name == 'int8' else 'FLOP'}/s {name}"
        for name, rate in _matmul_ceilings(measured).items()
    )
    lines = [
        f"## {measured['gpu']}",
        "",
        f"Driver {measured['driver']}, {versions}. Ceilings: copy {copy:.2f} TB/s, {rates}.",
        "",
        "| lesson | operation | size | torch | torch.compile | best public Triton | ours "
        "| × torch | × compile | × public | rate | share | goal |",
        "|---|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|",
    ]
    lines += [_line(row, measured) for row in measured["operations"]]
    lines += ["", *_notes(measured["operations"])]
    return "\n".join(lines)


def _line(row: dict[str, Any], measured: dict[str, Any]) -> str:
    times: dict[str, float] = row["microseconds"]
    ours = times.get("ours")
    public = _best_public(row)
    rate, share = _rate(row, ours, measured)
    cells = [
        row["lesson"].removeprefix("lesson"),
        f"`{row['name']}`",
        row["size"],
        _time(times.get("torch")),
        _time(times.get("torch.compile")),
        f"{_time(times[public])} ({public})" if public else "",
        _time(ours),
        _ratio(times.get("torch"), ours),
        _ratio(times.get("torch.compile"), ours),
        _ratio(times.get(public) if public else None, ours),
        rate,
        share,
        row["goal"],
    ]
    return f"| {' | '.join(cells)} |"


def _best_public(row: dict[str, Any]) -> str | None:
    times = {
        name: row["microseconds"][name] for name in row["public"] if name in row["microseconds"]
    }
    return min(times, key=lambda name: times[name]) if times else None


def _matmul_ceilings(measured: dict[str, Any]) -> dict[str, float]:
    """Rates of large products; int8 at least at twice fp16, which torch._int_mm stays below."""
    rates: dict[str, float] = dict(measured["matmul_flops_per_s"])
    if "int8" in rates:
        rates["int8"] = max(rates["int8"], 2 * rates.get("float16", 0.0))
    return rates


def _rate(row: dict[str, Any], ours: float | None, measured: dict[str, Any]) -> tuple[str, str]:
    """What ours achieves, and its share of the ceiling that binds it."""
    if ours is None:
        return "", ""
    if row["flops"]:
        rate = row["flops"] / ours * 1e6
        top = _matmul_ceilings(measured).get(row["dtype"])
        unit = "TOP/s" if row["dtype"] == "int8" else "TFLOP/s"
        return f"{rate / 1e12:.0f} {unit}", f"{rate / top:.0%}" if top else ""
    if row["bytes_moved"]:
        rate = row["bytes_moved"] / ours * 1e6
        return f"{rate / 1e12:.2f} TB/s", f"{rate / measured['copy_bandwidth_bytes_per_s']:.0%}"
    return "", ""


def _notes(rows: list[dict[str, Any]]) -> list[str]:
    notes = []
    for row in rows:
        others = {
            name: value
            for name, value in row["microseconds"].items()
            if name not in ("ours", "torch", "torch.compile", _best_public(row))
        }
        parts = [f"{name} {_time(value)} µs" for name, value in others.items()]
        parts += [f"{name} {version}" for name, version in row["versions"].items() if version]
        parts += [f"{name} not measured ({reason})" for name, reason in row["absent"].items()]
        text = "; ".join([*parts, *([row["remark"]] if row["remark"] else [])])
        if text:
            notes.append(f"- `{row['name']}` {row['size']}: {text}")
    return notes


def _time(microseconds: float | None) -> str:
    return f"{microseconds:.1f}" if microseconds is not None else ""


def _ratio(theirs: float | None, ours: float | None) -> str:
    return f"{theirs / ours:.2f}" if theirs and ours else ""


def main() -> int:
    """Print the document for the given files."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.performance.table")
    parser.add_argument("json", type=Path, nargs="+", help="files written by the measurement")
    options = parser.parse_args()
    sections = [render(json.loads(path.read_text(encoding="utf-8"))) for path in options.json]
    print("\n".join([INTRODUCTION, *sections]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
