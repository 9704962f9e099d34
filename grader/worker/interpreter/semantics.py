"""What rewritten kernels call where Python's meaning of a construct is not the compiler's.

Owns the meaning of assignments, loops and boolean operators inside a kernel. ``rewrite`` puts
the calls in; the operations on tensors themselves are Triton's.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from functools import reduce
from typing import Any

import numpy as np
import triton.language as tl

from grader.worker.interpreter.stock import TensorHandle


def scalar(value: int, dtype: Any) -> Any:
    """A tensor of no dimensions holding an integer."""
    numpy_type = np.int64 if dtype == tl.int64 else np.int32
    return tl.tensor(TensorHandle(np.array([value]).astype(numpy_type), dtype), dtype)


def loop(start: Any, stop: Any = None, step: Any = None, **_: Any) -> Iterator[Any]:
    """The values of ``range`` or ``tl.range``, as tensors of the type that the compiler gives.

    Arguments are numbers or scalar tensors; advice to the compiler (``num_stages``) is ignored.
    """
    bounds = (0, start) if stop is None else (start, stop)
    bounds = (*bounds, 1 if step is None else step)
    wide = any(isinstance(bound, tl.tensor) and bound.dtype == tl.int64 for bound in bounds)
    dtype = tl.int64 if wide else tl.int32
    for value in range(*map(operator.index, bounds)):
        yield scalar(value, dtype)


class Runtime:
    """The object that rewritten kernels know as ``__interpreter__``."""

    def __init__(self) -> None:
        # Set by the launcher: makes tensors of numbers, and forgets an unused atomic.
        self.to_tensor: Callable[[Any], Any] = lambda value: value
        self.forget: Callable[[Any], None] | None = None

    loop = staticmethod(loop)

    def assigned(self, value: Any) -> Any:
        """The value that a variable gets: numbers become tensors, in tuples too."""
        if isinstance(value, tuple) and type(value) is tuple:
            return tuple(map(self.assigned, value))
        return self.to_tensor(value) if isinstance(value, int | float | tl.constexpr) else value

    def unused(self, value: Any) -> None:
        """The result of an expression statement."""
        if self.forget is not None and isinstance(value, tl.tensor):
            self.forget(value.handle)

    def condition(self, value: Any) -> bool:
        """What ``if`` and ``while`` test: no block, as in compiled code; stock calls it true."""
        if isinstance(value, tl.tensor) and value.handle.data.size != 1:
            raise TypeError(
                f"a block of shape {list(value.handle.data.shape)} is neither true nor false: "
                "use tl.where, a mask, or reduce it to one value first"
            )
        return bool(value)

    def conjunction(self, *operands: Callable[[], Any]) -> Any:
        """``and``: only an operand known when compiling ends the evaluation early."""
        return _combine(operands, ends=False, method="logical_and")

    def disjunction(self, *operands: Callable[[], Any]) -> Any:
        """``or``: only an operand known when compiling ends the evaluation early."""
        return _combine(operands, ends=True, method="logical_or")

    def negation(self, value: Any) -> Any:
        """``not``."""
        return value.__not__() if isinstance(value, tl.tensor) else not value

    def chain(self, operands: tuple[Any, ...], comparisons: tuple[str, ...]) -> Any:
        """``a < b <= c``: all pairs have to hold."""
        pairs = [
            getattr(operator, name)(left, right)
            for name, left, right in zip(comparisons, operands, operands[1:], strict=False)
        ]
        return self.conjunction(*((lambda pair=pair: pair) for pair in pairs))

    def assertion(self, condition: Any, message: Callable[[], Any]) -> None:
        """``assert``."""
        holds = condition.handle.data.all() if isinstance(condition, tl.tensor) else condition
        if not holds:
            raise AssertionError(message())

    def minimum(self, *values: Any) -> Any:
        """``min``."""
        return _fold(values, tl.minimum, min)

    def maximum(self, *values: Any) -> Any:
        """``max``."""
        return _fold(values, tl.maximum, max)


def _combine(operands: tuple[Callable[[], Any], ...], *, ends: bool, method: str) -> Any:
    tensors = []
    value: Any = None
    for operand in operands:
        value = operand()
        if isinstance(value, tl.tensor):
            tensors.append(value)
        elif bool(value) is ends:
            return value
    return reduce(lambda left, right: getattr(left, method)(right), tensors) if tensors else value


def _fold(values: tuple[Any, ...], of_tensors: Any, of_numbers: Any) -> Any:
    if any(isinstance(value, tl.tensor) for value in values):
        return reduce(of_tensors, values)
    return of_numbers(*values)


RUNTIME = Runtime()
