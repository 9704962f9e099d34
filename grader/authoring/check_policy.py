"""Whether a lesson's solution keeps to the policy, and its lists name what there is."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from grader import policy
from grader.lesson import Lesson


def refused_lines(lesson: Lesson) -> Iterator[tuple[int, str]]:
    """Lines of the solution that the policy refuses, each with what it says."""
    text = lesson.solution.read_text()
    seen: set[tuple[int | None, str]] = set()
    for function in lesson.functions.values():
        whole = replace(function, differentiated=True)
        found = policy.violation(text, whole, lesson.imports)
        if found is None or found.kind == "unreadable":
            continue  # what is not Python is reported with the generated files
        if (found.line, found.kind) not in seen:
            seen.add((found.line, found.kind))
            yield found.line or 1, f"the policy refuses {function.name}(): {found.message}"


def unknown_names(lesson: Lesson) -> Iterator[tuple[str, str, str]]:
    """Entries of ``lesson.toml`` that name nothing: table, key and entry.

    Imports torch only if a lesson lists something of it.
    """
    for module in lesson.imports:
        if not _is_module(module):
            yield "policy", "imports", module
    for function in lesson.functions.values():
        for name in function.torch:
            if not _is_operation(name):
                yield f"functions.{function.name}", "torch", name


def line_in_table(path: Path, table: str, entry: str) -> int:
    """The line of ``lesson.toml`` on which a table lists an entry."""
    inside, header = False, 1
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        if line.startswith("["):
            inside = line.startswith(f"[{table}]")
            header = number if inside else header
        elif inside and f'"{entry}"' in line:
            return number
    return header


def _is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def _is_operation(name: str) -> bool:
    """Whether torch, its tensors, its functions for networks or its operators know a name."""
    import torch

    value: object = torch
    for part in name.split("."):
        value = getattr(value, part, getattr(value, f"{part}_", None))
    places = (torch.Tensor, torch.nn.functional, torch.ops.aten)
    return value is not None or any(hasattr(place, name) for place in places)
