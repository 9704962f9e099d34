"""What launches touch: recorded once, then asked in words, numbers and pictures.

    with lab.record() as seen:
        my_kernel[grid](x, y, n, BLOCK=64)
    seen.plot("x_ptr")

Kernels are interpreted for this, on a machine with a GPU on copies in main memory: keep it to
small tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from grader.lab.device import on_gpu
from grader.lab.exercise import Unfinished, explain
from grader.lab.style import Picture
from grader.lab.tables import Table
from grader.lab.trace import Trace, Tracer
from grader.units import quantity
from grader.worker.interpreter import Finding, Launch, Recording, api, watch


class Seen:
    """What was seen of some launches.

    Attributes:
        remark: Why there is nothing to see, empty if there is.
        traces: The accesses, a launch each.
        recording: The sanitizer's record: traffic, and faults in words.
    """

    def __init__(self) -> None:
        self.remark = ""
        self.traces: list[Trace] = []
        self.recording = Recording()

    @property
    def launches(self) -> list[Launch]:
        """The launches with the traffic of each tensor."""
        return self.recording.launches

    @property
    def faults(self) -> list[Finding]:
        """Accesses out of bounds, races, reads of what nobody wrote; each with its line."""
        return self.recording.findings

    def trace(self, kernel: str | int = 0) -> Trace:
        """One launch, by its number or by the name of its kernel."""
        if isinstance(kernel, int):
            return self.traces[kernel]
        return next(trace for trace in self.traces if trace.kernel == kernel)

    def table(self) -> Table:
        """Bytes that each tensor cost, against the fewest possible, and the faults in words."""
        rows = [row for launch in self.launches for row in _rows(launch)]
        told = "  ".join(fault.message for fault in self.faults[:4])
        note = self.remark or told or "No access was out of bounds, and no two programs collided."
        headings = ["kernel", "tensor", "loaded", "stored", "at least", "of that"]
        return Table(headings, rows, note=note)

    def plot(
        self, tensor: str, program: int | tuple[int, ...] | None = None, kernel: str | int = 0
    ) -> Picture:
        """Picture of a tensor: which program reads and writes which element.

        Args:
            tensor: Name of the kernel's parameter.
            program: Only this one, by its number or its place in the grid; all if left out.
            kernel: Which launch, by number or by the kernel's name.
        """
        from grader.lab.seen_plot import note, picture

        if self.remark or not self.traces:
            return note(self.remark or "No kernel was launched, so nothing was touched.")
        trace = self.trace(kernel)
        return picture(trace, tensor, program, self.faults)

    def _repr_html_(self) -> str:
        return self.table()._repr_html_()

    def __str__(self) -> str:
        return str(self.table())


@contextmanager
def record() -> Iterator[Seen]:
    """Watch all launches inside.

    Raises:
        RuntimeError: Launches are being watched already.
    """
    from grader.lab.on_cpu import interpreted
    from grader.worker.interpreter.builder import BUILDER

    seen = Seen()
    with interpreted(), api.record(track_allocations=not on_gpu) as recording:
        tracer: Any = Tracer(watch.current, BUILDER)
        watch.current = tracer
        seen.recording, seen.traces = recording, tracer.launches
        yield seen


def touches(call: Callable[[], Any]) -> Seen:
    """What a call touches; if it cannot run yet, a record that says so in each picture.

    Args:
        call: Launches kernels; may use the student's functions.
    """
    seen = Seen()
    try:
        with record() as seen:
            call()
    except Unfinished as error:
        seen.remark = str(error)
    except Exception as error:
        seen.remark = explain(error)
    return seen


def _rows(launch: Launch) -> Iterator[list[str]]:
    for tensor in launch.tensors:
        size = _itemsize(tensor.bytes_loaded + tensor.bytes_stored, tensor.loads + tensor.stores)
        moved = tensor.bytes_loaded + tensor.bytes_stored
        least = round((tensor.unique_loads + tensor.unique_stores) * size)
        yield [
            launch.kernel,
            f"{tensor.parameter} {list(tensor.shape)} {tensor.dtype}",
            quantity(tensor.bytes_loaded, "B"),
            quantity(tensor.bytes_stored, "B"),
            quantity(least, "B"),
            f"{moved / least:.2f} x" if least else "",
        ]


def _itemsize(nbytes: int, accesses: int) -> float:
    return nbytes / accesses if accesses else 0.0
