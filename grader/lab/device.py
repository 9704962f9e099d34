"""What this machine is: with or without a GPU, and what follows for kernels and sizes.

Importing this prepares the process: without a GPU, kernels that a notebook defines are executed
by the course's interpreter, on CPU tensors.
"""

from __future__ import annotations

import os
from typing import TypeVar

from grader.worker import interpreter

T = TypeVar("T")

STATIC_VARIABLE = "LAB_STATIC"
"""Set while notebooks are executed for readers: figures in place of live controls."""


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


on_gpu: bool = _has_gpu()
"""Whether this machine has a GPU that torch can use."""

device: str = "cuda" if on_gpu else "cpu"
"""Where tensors for kernels belong: ``"cuda"`` or ``"cpu"``."""

if not on_gpu:
    interpreter.install()


def sizes(*, gpu: T, cpu: T) -> T:
    """The first on a GPU, the second where kernels are interpreted, a thousand times slower."""
    return gpu if on_gpu else cpu


def is_static() -> bool:
    """Whether the notebook is executed for readers, not for somebody at the keyboard."""
    return bool(os.environ.get(STATIC_VARIABLE))
