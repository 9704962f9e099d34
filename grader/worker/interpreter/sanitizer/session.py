"""Turns recording on and off."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from grader.worker.interpreter import switch, watch
from grader.worker.interpreter.findings import Recording
from grader.worker.interpreter.sanitizer.checked import CheckedMemory


@contextmanager
def recording(poison: int) -> Iterator[Recording]:
    """Watch all launches inside.

    Raises:
        RuntimeError: The interpreter is not installed, or launches are watched already.
        ValueError: There is no such poison.
    """
    if not switch.is_active():
        raise RuntimeError("install the interpreter before recording launches")
    if watch.current is not None:
        raise RuntimeError("launches are being recorded already")
    if poison not in (0, 1):
        raise ValueError(f"poison is 0 or 1, not {poison}")
    result = Recording()
    watch.current = CheckedMemory(result, poison)
    try:
        yield result
    finally:
        watch.current = None
