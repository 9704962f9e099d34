"""Assertions and other operations that stock Triton's interpreter ignores."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from triton.backends.compiler import GPUTarget
from triton.backends.nvidia.compiler import min_dot_size

from grader.worker.interpreter.stock import InterpreterBuilder, TensorHandle


class Checks(InterpreterBuilder):
    """Checks inside kernels."""

    def __init__(self) -> None:
        super().__init__()
        # device_assert is compiled in debug mode only; stock up to 3.9 is never in it.
        self.options = replace(self.options, debug=True, sanitize_overflow=False)
        # Stock up to 3.9 takes products of any size; tensor cores need a depth of 16 or more.
        self.codegen_fns["min_dot_size"] = min_dot_size(GPUTarget("cuda", 80, 32))

    def create_assert(self, condition: TensorHandle, message: str) -> None:
        """``tl.device_assert`` fails if one lane does; stock up to 3.9 ignores it."""
        if not np.asarray(condition.data).all():
            raise AssertionError(message)

    def create_inline_asm(self, *_: Any) -> TensorHandle:
        """Inline assembly is for the GPU; stock up to 3.9 refuses it too, without saying more."""
        raise NotImplementedError("inline assembly needs a GPU: it cannot be interpreted")
