"""The repaired interpreter: stock Triton's builder with every repair mixed in.

A repair overrides one operation; the first class in the list below wins. Each room of
``repairs`` owns one subject.
"""

from __future__ import annotations

from grader.worker.interpreter.memory import MemoryOperations
from grader.worker.interpreter.repairs.arithmetic import Arithmetic
from grader.worker.interpreter.repairs.atomics import Atomics
from grader.worker.interpreter.repairs.casts import Casts
from grader.worker.interpreter.repairs.checks import Checks
from grader.worker.interpreter.repairs.defaults import Defaults
from grader.worker.interpreter.repairs.dot import Products
from grader.worker.interpreter.repairs.integers import Integers
from grader.worker.interpreter.repairs.libdevice import ExternFunctions
from grader.worker.interpreter.stock import stock


class Builder(
    MemoryOperations, Atomics, Casts, Products, Integers, Arithmetic, ExternFunctions, Checks
):
    """Executes kernels' operations as a GPU would."""


BUILDER = Builder()
SEMANTIC = Defaults(BUILDER)

# Stock code that is still used refers to these by name.
stock.interpreter_builder = BUILDER
stock.interpreter_semantic = SEMANTIC
