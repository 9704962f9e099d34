"""A first lesson to start from: small, complete, graded with full marks.

Owns the templates in ``stub/``. What it writes is meant to be replaced, bit by bit, while
``course check`` and ``course validate`` keep passing.
"""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from string import Template

from grader.errors import UsageError
from grader.lesson import Course


def new(course: Course, name: str) -> list[Path]:
    """Write the files of a new lesson; ``course build`` makes its skeleton.

    Args:
        course: The course that it becomes part of.
        name: Such as ``lesson08``.

    Returns:
        The files, relative to the course's root.

    Raises:
        UsageError: The name is no lesson's name, or one of the files is there already.
    """
    match = re.fullmatch(r"lesson(\d\d)", name)
    if match is None:
        raise UsageError(
            f"{name!r} is no name of a lesson: it must be 'lesson' and two digits, as lesson08."
        )
    texts = {path: _filled(stub, match[1]) for path, stub in _stubs(name).items()}
    for path in texts:
        if (course.root / path).exists():
            raise UsageError(f"{path} is there already. Choose another number, or move it away.")
    for path, text in texts.items():
        (course.root / path).parent.mkdir(parents=True, exist_ok=True)
        (course.root / path).write_text(text)
    return list(texts)


def _stubs(name: str) -> dict[Path, str]:
    """The files of a lesson, each with the template that it begins as."""
    folder = Path("course", name)
    return {
        Path("solutions", f"{name}.py"): "solution.txt",
        folder / "lesson.toml": "lesson.txt",
        folder / f"test_{name}.py": "tests.txt",
        folder / "reference.py": "reference.txt",
        folder / "hints.md": "hints.txt",
    }


def _filled(stub: str, number: str) -> str:
    text = files("grader.authoring").joinpath("stub", stub).read_text()
    return Template(text).substitute(number=number)
