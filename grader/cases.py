"""The parameter sets of a graded test: those of this run's tier, and the hidden ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from grader.course_files import load_module
from grader.lesson import Lesson

# Stands in for the parameters of a test that has no case on this tier.
_NO_CASE = "no-case-on-this-device"


@dataclass(frozen=True)
class Cases:
    """What ``parametrize`` needs.

    Attributes:
        names: Parameter names, comma-separated.
        values: One entry a case.
        ids: How each case is named in reports.
    """

    names: str
    values: tuple[Any, ...]
    ids: tuple[str, ...]


def of_test(marker: pytest.Mark, test: str, device: str, lesson: Lesson | None) -> Cases:
    """The cases of a test on a device.

    Args:
        marker: The test's ``cases`` marker.
        test: Name of the test.
        device: ``"cpu"`` or ``"gpu"``.
        lesson: The lesson, whose hidden cases are added; ``None`` outside a lesson.
    """
    names, cpu, gpu = marker.args
    shown = cpu if device == "cpu" else gpu
    hidden = _hidden(lesson, test, device)
    count = len(names.split(","))
    if not shown and not hidden:
        empty = None if count == 1 else (None,) * count
        return Cases(names, (empty,), (_NO_CASE,))
    # Reports go to students: they learn that a hidden case failed, not what it was.
    ids = [_case_id(names, value) for value in shown]
    ids += [f"hidden case {number}" for number in range(1, len(hidden) + 1)]
    return Cases(names, (*shown, *hidden), tuple(ids))


def is_for_another_device(item: pytest.Item) -> bool:
    """Whether this item only stands for cases that another device has."""
    callspec = getattr(item, "callspec", None)
    return callspec is not None and callspec.id == _NO_CASE


def _hidden(lesson: Lesson | None, test: str, device: str) -> Sequence[Any]:
    if lesson is None or not lesson.hidden_cases.is_file():
        return ()
    module = load_module(lesson.hidden_cases)
    return tuple(module.CASES.get(test, {}).get(device, ()))


def _case_id(names: str, value: Any) -> str:
    keys = [name.strip() for name in names.split(",")]
    values = (value,) if len(keys) == 1 else value
    return ", ".join(f"{key}={_text(item)}" for key, item in zip(keys, values, strict=True))


def _text(value: Any) -> str:
    return repr(value).removeprefix("torch.")
