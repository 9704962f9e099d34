"""Reads typed values out of parsed JSON; a wrong one is told with its place in the file."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

_T = TypeVar("_T")


class MalformedValueError(ValueError):
    """A value is missing or impossible; the message names its place and what was expected."""

    def __init__(self, place: str, value: object, expected: str) -> None:
        super().__init__(f"{place!r} is {value!r}; expected {expected}")


@dataclass(frozen=True)
class Reader:
    """One object of the file; every method raises ``MalformedValueError``.

    Attributes:
        values: The object.
        place: Where it stands in the file, with a trailing dot; empty for the outermost.
    """

    values: Mapping[str, Any]
    place: str = ""

    def malformed(self, key: str, value: object, expected: str) -> MalformedValueError:
        """The error for one of the object's values."""
        return MalformedValueError(f"{self.place}{key}", value, expected)

    def text(self, key: str) -> str:
        """A text, possibly empty."""
        value = self.values.get(key)
        if not isinstance(value, str):
            raise self.malformed(key, value, "a text")
        return value

    def not_negative(self, key: str) -> float:
        """A finite number, zero or more."""
        value = self.values.get(key)
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise self.malformed(key, value, "a number")
        if not math.isfinite(value) or value < 0:
            raise self.malformed(key, value, "a finite number, not negative")
        return float(value)

    def positive(self, key: str) -> float:
        """A finite number above zero."""
        if (value := self.not_negative(key)) == 0:
            raise self.malformed(key, 0, "a positive number")
        return value

    def optional(self, key: str) -> float | None:
        """A finite number above zero; None where it is null or missing."""
        return None if self.values.get(key) is None else self.positive(key)

    def inner(self, key: str) -> Reader:
        """An object within."""
        value = self.values.get(key)
        if not isinstance(value, dict):
            raise self.malformed(key, value, "an object")
        return Reader(value, f"{self.place}{key}.")

    def table(self, key: str, read_value: Callable[[Reader, str], _T]) -> dict[str, _T]:
        """An object within whose values are all of one kind."""
        inner = self.inner(key)
        return {name: read_value(inner, name) for name in inner.values}
