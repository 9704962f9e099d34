"""Puts the course into the wheel, beside the grader: lessons, pristine skeletons, exercises.

Owns the list of what may leave the author's machine. Solutions, tests of the grader and hidden
cases are in no pattern; a folder ``hidden`` is refused besides, wherever it lies.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

DATA = Path("grader", "data")
SHIPPED = (
    "course/*.py",
    "course/calibration/*.json",
    "course/lesson*/**/*",
    "course/source/**/*",
    "exercises/lesson*/**/*",
)
WITHHELD = {"hidden", "__pycache__", ".ipynb_checkpoints"}


class CourseData(BuildHookInterface):  # type: ignore[type-arg]
    """Maps ``course/`` and ``exercises/`` to ``grader/data/`` in a wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the files; an editable install finds them in the checkout instead."""
        if version == "editable":
            return
        root = Path(self.root)
        for pattern in SHIPPED:
            for path in sorted(root.glob(pattern)):
                inside = path.relative_to(root)
                if path.is_file() and WITHHELD.isdisjoint(inside.parts):
                    build_data["force_include"][str(path)] = str(DATA / inside)
