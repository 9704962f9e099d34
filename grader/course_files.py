"""Imports the Python files of a lesson: oracle, hidden cases, scenarios.

The judge imports them from the course, a worker from the copy that the judge placed there.
"""

from __future__ import annotations

import importlib.util
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

from grader.errors import LessonDefinitionError


@cache
def load_module(path: Path) -> ModuleType:
    """Import a file of the course, once, under a name made of its folder's and its own.

    Raises:
        LessonDefinitionError: There is no such file.
    """
    if not path.is_file():
        raise LessonDefinitionError(f"{path} is missing; a lesson's tests ask for it.")
    name = f"{path.parent.name}_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise LessonDefinitionError(f"{path} cannot be imported.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their own module up
    spec.loader.exec_module(module)
    return module
