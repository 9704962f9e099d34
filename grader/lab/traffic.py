"""Bytes that a computation moves, step by step: torch's operations and kernels alike.

A torch operation that is no view reads its inputs from memory and writes its outputs there; a
Triton kernel costs what the sanitizer counts. Nothing is timed, so this holds on any machine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils._pytree import tree_leaves

from grader.lab.exercise import Unfinished, explain
from grader.lab.seen import record
from grader.lab.style import AMBER, BLUE, CARD, INK, MUTED, PAPER, Picture, legend
from grader.lab.tables import Table
from grader.units import quantity
from grader.worker.dispatch import DispatchMode
from grader.worker.interpreter import Launch, watch

# They only make or describe memory; whoever uses it later pays.
_FREE = {"empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided", "detach"}

# They take only shape and type from their input.
_MADE_LIKE = {
    "zeros_like", "ones_like", "full_like", "new_zeros", "new_ones", "new_full",
}  # fmt: skip

# They look only at the elements that an index names: as many as they give.
_PICKS = {"gather", "index", "index_select", "embedding"}

# They read one element for each index, or add to it; what they make anew they fill.
_ADDS_AT = {"scatter_add_", "nll_loss_forward", "nll_loss_backward"}

_LONGEST_NAMES = 100  # characters below a bar


@dataclass(frozen=True)
class Step:
    """One operation.

    Attributes:
        name: Of the kernel or of the torch operation.
        read: Bytes read from memory.
        written: Bytes written to memory.
    """

    name: str
    read: int
    written: int


@dataclass(frozen=True)
class Traffic:
    """What several ways to compute the same thing move.

    Attributes:
        steps: The operations of each way, by its name.
        remarks: Why a way could not be run, by its name.
        least: The fewest bytes that the result needs; None if not told.
    """

    steps: Mapping[str, list[Step]]
    remarks: Mapping[str, str]
    least: int | None = None

    def total(self, name: str) -> int:
        """Bytes read and written by one way."""
        return sum(step.read + step.written for step in self.steps[name])

    def table(self) -> Table:
        """One line a way."""
        rows = [self._row(name) for name in self.steps]
        rows += [[name, remark, "", "", ""] for name, remark in self.remarks.items()]
        note = "" if self.least is None else f"The fewest possible: {quantity(self.least, 'B')}."
        return Table(["", "launches", "read", "written", "of the fewest"], rows, note=note)

    def _row(self, name: str) -> list[str]:
        steps = self.steps[name]
        share = f"{self.total(name) / self.least:.2f} x" if self.least else ""
        read, written = sum(s.read for s in steps), sum(s.written for s in steps)
        return [name, str(len(steps)), quantity(read, "B"), quantity(written, "B"), share]

    def plot(self) -> Picture:
        """A bar of operations for each way: reads solid, writes hatched."""
        made = Picture(9, 1.3 + 0.75 * len(self.steps), "Bytes moved by each operation")
        axes = made.panel()
        unit, factor = _unit(max((self.total(name) for name in self.steps), default=1))
        for line, name in enumerate(self.steps):
            _bar(axes, line, self.steps[name], factor)
        names = list(self.steps)
        axes.set_yticks(range(len(names)), names)
        axes.set_ylim(len(names) - 0.3, -0.6)
        axes.set_xlabel(f"memory traffic ({unit})")
        axes.grid(False, axis="y")
        axes.barh([0], [0], color=BLUE, label="read")
        axes.barh([0], [0], color=AMBER, hatch="///", edgecolor=PAPER, label="written")
        if self.least is not None:
            axes.axvline(self.least / factor, color=INK, linestyle="--", label="fewest possible")
        legend(axes, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=3)
        return made

    def _repr_html_(self) -> str:
        return self.table()._repr_html_()

    def __str__(self) -> str:
        return str(self.table())


def traffic(ways: Mapping[str, Callable[[], Any]], least: int | None = None) -> Traffic:
    """Count what each way moves.

    Args:
        ways: Calls by name; keep the tensors small, kernels are interpreted for this.
        least: The fewest bytes that the result needs, counted by hand.
    """
    steps: dict[str, list[Step]] = {}
    remarks: dict[str, str] = {}
    for name, call in ways.items():
        try:
            steps[name] = counted(call)
        except Unfinished as error:
            remarks[name] = str(error)
        except Exception as error:
            remarks[name] = explain(error)
    return Traffic(steps, remarks, least)


def counted(call: Callable[[], Any]) -> list[Step]:
    """The operations of a call, in their order."""
    with record() as seen, _Operations(seen.launches) as operations:
        call()
        operations.add_launches()
    steps: list[Step] = operations.steps
    return steps


class _Operations(DispatchMode):  # type: ignore[no-untyped-call]
    """Notes torch's operations, and kernel launches between them."""

    def __init__(self, launches: list[Launch]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.steps: list[Step] = []
        self._launches = launches
        self._counted = 0

    def add_launches(self) -> None:
        """Note launches that are new in the record."""
        for launch in self._launches[self._counted :]:
            read = sum(tensor.bytes_loaded for tensor in launch.tensors)
            written = sum(tensor.bytes_stored for tensor in launch.tensors)
            if not launch.rehearsal:
                self.steps.append(Step(launch.kernel, read, written))
        self._counted = len(self._launches)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operation and note what it costs."""
        result = func(*args, **(kwargs or {}))
        if _in_launch():
            return result
        self.add_launches()
        name = str(func.overloadpacket.__name__)
        # What out= names is written, not read.
        given = _tensors((args, {**(kwargs or {}), "out": None}))
        made = _tensors(result)
        if name not in _FREE and not func.is_view and made:
            self.steps.append(_step(name, given, made))
        return result


def _step(name: str, given: list[torch.Tensor], made: list[torch.Tensor]) -> Step:
    if name in _MADE_LIKE:
        given = []
    if name in _PICKS or name in _ADDS_AT:
        return _indexed(name, given, made)
    in_place = {each.data_ptr() for each in made}
    fills = name.rstrip("_") in {"fill", "zero", "copy"}
    read = sum(_nbytes(t) for t in given if not (fills and t.data_ptr() in in_place))
    return Step(name, read, sum(_nbytes(each) for each in made))


def _indexed(name: str, given: list[torch.Tensor], made: list[torch.Tensor]) -> Step:
    """An operation that touches only those elements of its large input that an index names."""
    index = [each for each in given if each.dtype == torch.int64]
    places = sum(each.numel() for each in index)
    if name in _PICKS:
        picked = sum(_nbytes(each) for each in made)
        return Step(name, picked + sum(_nbytes(each) for each in index), picked)
    in_place = {each.data_ptr() for each in given}

    def cost(tensor: torch.Tensor) -> int:
        return min(_nbytes(tensor), max(places, 1) * tensor.element_size())

    read = sum(cost(each) if each.dtype != torch.int64 else _nbytes(each) for each in given)
    written = sum(cost(t) if t.data_ptr() in in_place else _nbytes(t) for t in made)
    return Step(name, read, written)


def _in_launch() -> bool:
    """Whether the interpreter itself is at work."""
    tracer: Any = watch.current
    return bool(tracer is not None and tracer.running)


def _tensors(values: Any) -> list[torch.Tensor]:
    return [each for each in tree_leaves(values) if isinstance(each, torch.Tensor)]


def _nbytes(tensor: torch.Tensor) -> int:
    """Bytes of the elements that there are: an expanded dimension costs nothing."""
    count = 1
    for size, stride in zip(tensor.shape, tensor.stride(), strict=True):
        count *= size if stride else min(size, 1)
    return count * tensor.element_size()


def _bar(axes: Any, line: int, steps: list[Step], factor: float) -> None:
    left = 0.0
    for step in steps:
        for size, colour, hatch in ((step.read, BLUE, ""), (step.written, AMBER, "///")):
            axes.barh(
                [line], [size / factor], 0.6, left, color=colour, hatch=hatch, edgecolor=PAPER
            )
            left += size / factor
    axes.annotate(
        _names(steps), (0, line + 0.3), (3, -2), textcoords="offset points",
        va="top", fontsize=8, color=MUTED,
        bbox={"facecolor": CARD, "edgecolor": "none", "pad": 0.8},
    )  # fmt: skip


def _names(steps: list[Step]) -> str:
    """The operations in their order, as many as fit below a bar."""
    for kept in range(len(steps), 0, -1):
        left_out = f" + {len(steps) - kept} more" if kept < len(steps) else ""
        names = " + ".join(step.name for step in steps[:kept]) + left_out
        if len(names) <= _LONGEST_NAMES:
            return names
    return f"{len(steps)} operations"


def _unit(largest: float) -> tuple[str, float]:
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if largest >= factor:
            return unit, factor
    return "B", 1.0
