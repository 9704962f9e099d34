"""Which elements each program of a launch touches, noted access by access.

Stands between a kernel and the sanitizer's memory: notes every access, then hands it on. The
sanitizer's own record says how much and what is wrong; this one says who and where.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from grader.worker.interpreter.sanitizer.views import window

Array = np.ndarray[Any, Any]
Program = tuple[int, int, int]

# Notes of larger launches than a picture could show would only fill memory.
MOST_LANES = 4_000_000


@dataclass(frozen=True)
class Access:
    """One load, store or atomic of one program.

    Attributes:
        program: Program id (x, y, z).
        parameter: The tensor argument, by the kernel's name for it.
        kind: ``"load"``, ``"store"`` or ``"atomic"``.
        elements: Elements of the active lanes, counted in memory from the tensor's first.
        masked: Elements that lanes point at which the mask keeps away.
    """

    program: Program
    parameter: str
    kind: str
    elements: Array
    masked: Array


@dataclass(frozen=True)
class Argument:
    """A tensor that was passed to a kernel.

    Attributes:
        parameter: The kernel's name for it.
        shape: Its shape.
        strides: Elements between neighbours along each dimension.
        itemsize: Bytes of an element.
        base: The address that the kernel sees.
    """

    parameter: str
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    itemsize: int
    base: int


@dataclass
class Trace:
    """The accesses of one launch.

    Attributes:
        kernel: Its kernel.
        grid: Programs along x, y, z.
        arguments: Its tensor arguments, in the order of the parameters.
        accesses: In the order in which they happened, programs one after the other.
        complete: Whether all of them were noted; those of a very large launch are not.
    """

    kernel: str = ""
    grid: Program = (1, 1, 1)
    arguments: list[Argument] = field(default_factory=list)
    accesses: list[Access] = field(default_factory=list)
    complete: bool = True

    def argument(self, parameter: str) -> Argument:
        """A tensor argument by name.

        Raises:
            KeyError: There is none of that name; lists those there are.
        """
        for argument in self.arguments:
            if argument.parameter == parameter:
                return argument
        names = ", ".join(argument.parameter for argument in self.arguments)
        raise KeyError(f"{self.kernel} has no tensor argument {parameter!r}; it has: {names}")


class Tracer:
    """A ``Watcher`` that notes accesses and leaves all else to the one behind it."""

    def __init__(self, behind: Any, programs: Any) -> None:
        """Stand before a watcher.

        Args:
            behind: The watcher that gives memory to kernels.
            programs: Its ``grid_idx`` is the program that runs.
        """
        self._behind = behind
        self._programs = programs
        self._lanes = 0
        self.running = False
        self.launches: list[Trace] = []
        self._arguments: list[Argument] = []

    def __getattr__(self, name: str) -> Any:
        """Whatever is not noted: straight to the watcher behind."""
        return getattr(self._behind, name)

    def begin(self, kernel: str, grid: Program) -> None:
        """A kernel is about to run; its arguments may have been named before or are now."""
        self._lanes, self.running = 0, True
        self.launches.append(Trace(kernel, grid, self._arguments))
        self._behind.begin(kernel, grid)

    def end(self) -> None:
        """The kernel has ended."""
        self._arguments, self.running = [], False
        self._behind.end()

    def address(self, tensor: Any, parameter: str) -> int:
        """Remember a tensor argument."""
        base = int(self._behind.address(tensor, parameter))
        shape, strides = tuple(tensor.shape), tuple(tensor.stride())
        self._arguments.append(Argument(parameter, shape, strides, tensor.element_size(), base))
        return base

    def load(self, pointers: Any, mask: Array | None, other: Any, volatile: bool) -> Any:
        """Note a load."""
        self._note("load", pointers.data, mask)
        return self._behind.load(pointers, mask, other, volatile)

    def store(self, pointers: Any, values: Any, mask: Array | None) -> None:
        """Note a store."""
        self._note("store", pointers.data, mask)
        self._behind.store(pointers, values, mask)

    def atomic(
        self, perform: Callable[..., Any], pointers: Any, mask: Array, semantic: Any, reads: bool
    ) -> Any:
        """Note an atomic."""
        self._note("atomic", pointers.data, mask)
        return self._behind.atomic(perform, pointers, mask, semantic, reads)

    def _note(self, kind: str, pointers: Array, mask: Array | None) -> None:
        trace = self.launches[-1]
        self._lanes += pointers.size
        if self._lanes > MOST_LANES:
            trace.complete = False
            return
        flat = pointers.reshape(-1)
        active = _active(mask, pointers.shape)
        number = window(int(flat[0]))
        if not 0 <= number < len(self._arguments):
            return  # a wild pointer; the sanitizer tells of it
        argument = self._arguments[number]
        elements = (flat.view(np.int64) - argument.base) // argument.itemsize
        program = tuple(self._programs.grid_idx)
        trace.accesses.append(
            Access(program, argument.parameter, kind, elements[active], elements[~active])
        )


def _active(mask: Array | None, shape: tuple[int, ...]) -> Array:
    """Which lanes take part."""
    if mask is None:
        return np.ones(int(np.prod(shape)), dtype=np.bool_)
    return np.broadcast_to(mask, shape).reshape(-1).astype(np.bool_)
