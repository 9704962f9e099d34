"""What was measured beside the verdict, as plain lines: speed, traffic, compiled kernels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from grader.report.timing_view import timing_lines
from grader.results import Report, TestResult
from grader.units import quantity

# A count this close to a whole number of reads is one.
_ONE_READ = 1.005


def measured_lines(test: TestResult, *, ascii: bool = False) -> list[str]:
    """Speed and traffic of one test, as far as they were measured."""
    lines = timing_lines(test.timing, ascii=ascii) if test.timing else []
    return [*lines, *_traffic_lines(test.traffic)] if test.traffic else lines


def _traffic_lines(traffic: Mapping[str, Any]) -> Iterator[str]:
    moved = quantity(float(traffic["bytes"]), "B")
    least = quantity(float(traffic["minimum_bytes"]), "B")
    yield f"{moved} moved, {traffic['ratio']:.2f} times the minimum of {least}"
    for tensor in traffic.get("tensors", ()):
        reads = float(tensor.get("reads_per_element") or 0.0)
        if reads > _ONE_READ:
            name, kernel = tensor.get("parameter"), tensor.get("kernel")
            yield f"{name} read {reads:.1f} times in {kernel}, 1.0 is enough"


def kernel_lines(report: Report) -> list[str]:
    """One line for each kernel and GPU target that it was compiled for without a GPU."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for kernel in report.kernels:
        if kernel.get("ok"):
            key = (str(kernel.get("kernel")), str(kernel.get("target")))
            groups.setdefault(key, []).append(kernel)
    return [f"{name} on {target}: {_facts(group)}" for (name, target), group in groups.items()]


def _facts(group: Sequence[Mapping[str, Any]]) -> str:
    """The most that any specialisation needs, and the widest and narrowest access."""
    facts = []
    if (registers := _most(group, "registers")) is not None:
        facts.append(f"{registers} registers")
    spills = _most(group, "spills")
    if spills:
        facts.append(f"{spills} bytes spilled")
    if shared := _most(group, "shared_bytes"):
        facts.append(f"{quantity(shared, 'B')} shared")
    fractions = [entry["occupancy"]["fraction"] for entry in group if entry.get("occupancy")]
    if fractions:
        facts.append(f"occupancy {min(fractions):.0%}")
    widths = {entry["load_bits"] for entry in group if entry.get("load_bits")}
    if widths:
        low, high = min(widths), max(widths)
        facts.append(f"loads of {high} bits" if low == high else f"loads of {low} to {high} bits")
    return ", ".join(facts)


def _most(group: Sequence[Mapping[str, Any]], name: str) -> int | None:
    return max((int(entry[name]) for entry in group if entry.get(name) is not None), default=None)
