"""Rates in words: three digits, a prefix, a unit."""

from __future__ import annotations


def quantity(value: float, unit: str) -> str:
    """Three digits and a prefix: ``4.12 TB/s``, ``742 TFLOP/s``, ``56.6 GB/s``."""
    prefixes = ("", "k", "M", "G", "T", "P")
    step = 0
    while value >= 999.5 and step < len(prefixes) - 1:
        value /= 1000
        step += 1
    digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:.{digits}f} {prefixes[step]}{unit}"


def operations(dtype: str) -> str:
    """Unit of a rate of operations: those on integers are no floating-point operations."""
    return "OP/s" if dtype.startswith(("int", "uint")) else "FLOP/s"
