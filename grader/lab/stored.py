"""Figures that need a GPU: measured here if there is one, else as stored with the lesson.

What a machine without a GPU shows of speed was measured elsewhere, and says so. The store of a
lesson is ``course/lessonNN/measured.json``, written by the run that executes the notebooks for
readers, with the reference solutions in the place of the student's file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from grader.errors import CourseNotFoundError
from grader.lab.device import on_gpu
from grader.lesson import Course

STORE_VARIABLE = "LAB_STORE"
"""Names the course root to write to; unset, nothing is stored."""

SHOWS_VARIABLE = "LAB_SHOWS_REFERENCE"
"""Set while the reference solution stands where the student's file belongs."""

REFERENCE = "reference solution"


@dataclass(frozen=True)
class Measured:
    """Something measured on a GPU.

    Attributes:
        value: Plain JSON data.
        gpu: Name of the GPU; empty if nothing was ever measured.
        date: Day of the measurement, ISO 8601.
        versions: Versions of torch and triton.
        here: Whether it was measured on this machine just now.
    """

    value: Any
    gpu: str = ""
    date: str = ""
    versions: str = ""
    here: bool = False

    @property
    def known(self) -> bool:
        """Whether there is a value at all."""
        return bool(self.gpu)

    @property
    def source(self) -> str:
        """Where the figures come from, to stand beside them."""
        if not self.known:
            return "This machine has no GPU, and no stored figures: run it on a GPU."
        if self.here:
            return f"Measured just now on this machine's {self.gpu} ({self.versions})."
        return (
            f"Stored figures, not this machine's: measured on an {self.gpu} on {self.date} "
            f"({self.versions})."
        )


def shows_reference() -> bool:
    """Whether what a notebook calls yours is the reference solution's."""
    return bool(os.environ.get(SHOWS_VARIABLE))


def measured(key: str, measure: Callable[[], Any]) -> Measured:
    """Measure on a GPU; without one, give what was stored under the key.

    Args:
        key: Lesson and name, ``"lesson01/launch overhead"``.
        measure: Gives plain JSON data; called on a GPU only.
    """
    if not on_gpu:
        return stored(key)
    import torch
    import triton

    found = Measured(
        measure(),
        torch.cuda.get_device_name(),
        datetime.now(UTC).date().isoformat(),
        f"torch {torch.__version__}, triton {triton.__version__}",
        here=True,
    )
    if os.environ.get(STORE_VARIABLE):
        _store(key, found, Path(os.environ[STORE_VARIABLE]))
    return found


def stored(key: str) -> Measured:
    """What was stored under a key; unknown if nothing was."""
    try:
        root = Course.find().root
    except CourseNotFoundError:
        return Measured(None)
    entry = _read(_file(root, key)).get(_name(key))
    return Measured(**entry) if entry else Measured(None)


def _file(root: Path, key: str) -> Path:
    lesson, slash, name = key.partition("/")
    if not slash or not name:
        raise ValueError(f"{key!r} names no stored figure; expected 'lesson01/some name'")
    return root / "course" / lesson / "measured.json"


def _name(key: str) -> str:
    return key.partition("/")[2]


def _read(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}


def _store(key: str, found: Measured, root: Path) -> None:
    path = _file(root, key)
    entry = {"value": found.value, "gpu": found.gpu, "date": found.date}
    entries = {**_read(path), _name(key): {**entry, "versions": found.versions}}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(entries, indent=1, sort_keys=True) + "\n", encoding="utf-8")
