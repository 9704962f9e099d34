"""What a speed is worth: a curve instead of a cliff, as ``lesson.toml`` asks for it.

An entry of ``lesson.toml``::

    [speed.test_add_speed]
    full = 0.95          # ratio to the baseline that earns all points
    half = 0.80          # earns half; 0.85 of full if left out
    zero = 0.50          # earns nothing; 0.5 of full if left out
    memory_bound = true  # reaching this GPU's copy bandwidth earns points as well

Ratios are baseline time over student time, as measured on the GPU where the threshold was
authored; ``thresholds`` carries them over to another GPU.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.errors import LessonDefinitionError

DEFAULT_HALF = 0.85
DEFAULT_ZERO = 0.50


@dataclass(frozen=True)
class Curve:
    """Share of the points by speed: linear through (zero, 0), (half, 0.5) and (full, 1).

    Raises:
        ValueError: Not ``0 <= zero < half < full``.
    """

    zero: float
    half: float
    full: float

    def __post_init__(self) -> None:
        """Refuse a curve that is not rising."""
        if not (0 <= self.zero < self.half < self.full < math.inf):
            raise ValueError(
                f"zero, half and full must rise: {self.zero:g}, {self.half:g}, {self.full:g}"
            )

    def share(self, value: float) -> float:
        """Share of the points, 0 to 1, that a measured value earns."""
        if value <= self.half:
            part = 0.5 * (value - self.zero) / (self.half - self.zero)
        else:
            part = 0.5 + 0.5 * (value - self.half) / (self.full - self.half)
        return min(1.0, max(0.0, part))

    def scaled(self, factor: float) -> Curve:
        """The same curve with all three points moved by a factor."""
        return Curve(self.zero * factor, self.half * factor, self.full * factor)


BANDWIDTH_CURVE = Curve(zero=0.50, half=0.75, full=0.90)
"""Credit by the share of this GPU's measured copy bandwidth, for memory-bound tests."""


@dataclass(frozen=True)
class SpeedSpec:
    """What ``lesson.toml`` asks of one speed test.

    Attributes:
        test: Name of the test.
        curve: Credit by ratio to the baseline, as authored.
        memory_bound: Whether bandwidth earns credit as well; the better of both counts.
    """

    test: str
    curve: Curve
    memory_bound: bool = False

    @staticmethod
    def from_toml(test: str, entry: Mapping[str, Any], path: Path) -> SpeedSpec:
        """Read one ``[speed.<test>]`` table.

        Args:
            test: Name of the test.
            entry: The table.
            path: The ``lesson.toml``, for messages.

        Raises:
            LessonDefinitionError: A key is missing, unknown or has an impossible value.
        """
        where = f"{path}: [speed.{test}]"
        if not isinstance(entry, Mapping):
            raise LessonDefinitionError(f"{where} is {entry!r}; expected a table with 'full'.")
        if unknown := sorted(entry.keys() - _KEYS):
            raise LessonDefinitionError(
                f"{where}: unknown key {unknown[0]!r}; known: {', '.join(_KEYS)}."
            )
        full = _ratio(where, entry, "full", None)
        half = _ratio(where, entry, "half", DEFAULT_HALF * full)
        usual_zero = DEFAULT_ZERO * min(full, half / DEFAULT_HALF)  # below a low 'half' as well
        zero = _ratio(where, entry, "zero", usual_zero)
        memory_bound = entry.get("memory_bound", False)
        if not isinstance(memory_bound, bool):
            raise LessonDefinitionError(
                f"{where}: 'memory_bound' is {memory_bound!r}; expected true or false."
            )
        return SpeedSpec(test, _curve(where, zero, half, full), memory_bound)


_KEYS = ("full", "half", "zero", "memory_bound")


def _ratio(where: str, entry: Mapping[str, Any], key: str, default: float | None) -> float:
    value = entry.get(key, default)
    if value is None:
        raise LessonDefinitionError(
            f"{where}: 'full' is missing; set it to the ratio to the baseline that earns all "
            "points."
        )
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or value < 0:
        raise LessonDefinitionError(f"{where}: {key!r} is {value!r}; expected a positive ratio.")
    return float(value)


def _curve(where: str, zero: float, half: float, full: float) -> Curve:
    if full == 0:
        raise LessonDefinitionError(f"{where}: 'full' is 0; expected a positive ratio.")
    if half >= full:
        raise LessonDefinitionError(
            f"{where}: 'half' is {half:g}, not below 'full' = {full:g}; lower 'half'."
        )
    if zero >= half:
        raise LessonDefinitionError(
            f"{where}: 'zero' is {zero:g}, not below 'half' = {half:g}; lower 'zero'."
        )
    return Curve(zero, half, full)
