"""What ``lesson.toml`` may hold, and what is said of anything else: where, what, what is known."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from grader.errors import LessonDefinitionError

_TYPES: dict[str, type | tuple[type, ...]] = {
    "title": str,
    "notebook": str,
    "points": (int, float),
    "deadline_s": (int, float),
    "functions": dict,
    "speed": dict,
    "policy": dict,
}


def read(path: Path) -> dict[str, Any]:
    """All of a file; tables that may be left out are empty.

    Raises:
        LessonDefinitionError: It is no TOML, something is missing or unknown; so for all here.
    """
    try:
        values = tomllib.loads(path.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise LessonDefinitionError(f"{path}: not valid TOML: {error}") from error
    values = {"speed": {}, "policy": {}, **values}
    for key, kind in _TYPES.items():
        if not isinstance(values.get(key), kind):
            raise LessonDefinitionError(f"{path}: {key!r} is missing or of the wrong type.")
    if unknown := sorted(values.keys() - _TYPES.keys()):
        raise LessonDefinitionError(
            f"{path}: unknown key {unknown[0]!r}; known: {', '.join(_TYPES)}."
        )
    return values


def table(
    path: Path, name: str, entry: object, lists: tuple[str, ...], switches: tuple[str, ...] = ()
) -> dict[str, Any]:
    """A table of lists of names, empty where left out, and of switches, which are off then."""
    if not isinstance(entry, dict):
        raise LessonDefinitionError(f"{path}: [{name}] is no table.")
    if unknown := sorted(entry.keys() - {*lists, *switches}):
        known = ", ".join((*lists, *switches))
        raise LessonDefinitionError(f"{path}: [{name}] has {unknown[0]!r}; known: {known}.")
    return {key: _names(path, name, entry, key) for key in lists} | {
        key: _switch(path, name, entry, key) for key in switches
    }


def _names(path: Path, table: str, entry: Mapping[str, object], key: str) -> tuple[str, ...]:
    value = entry.get(key, [])
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise LessonDefinitionError(f"{path}: [{table}] {key} is no list of names.")
    return tuple(value)


def _switch(path: Path, table: str, entry: Mapping[str, object], key: str) -> bool:
    value = entry.get(key, False)
    if not isinstance(value, bool):
        raise LessonDefinitionError(f"{path}: [{table}] {key} is neither true nor false.")
    return value
