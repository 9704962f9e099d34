"""Facts about kernels that were compiled before, in this process or by an earlier one.

Keeps the facts, a few hundred bytes, where Triton's own cache keeps all that it made on the way,
some hundred kilobytes: a second run needs neither compiler nor assembler, and no hash of the
compiler's half gigabyte. Only successes are stored on disk: whether a kernel fails may depend on
more than Triton's key knows of, such as an import that is missing.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import triton
from triton._C.libtriton import get_cache_invalidating_env_vars

from grader.worker.compile_check.compilation import Depth, Facts
from grader.worker.compile_check.errors import forget_placeholders
from grader.worker.compile_check.specialise import Specialisation

# To be changed when other facts are gathered.
FORMAT = 1
FOLDER = "compile-check"

_remembered: dict[Key, Facts] = {}


class Key(NamedTuple):
    """Equal for specialisations that compile to the same code.

    Attributes:
        text: A hash.
        lasting: Holds in other processes too.
    """

    text: str
    lasting: bool


class FactsCache:
    """Facts by key, in memory and in a folder.

    Args:
        folder: Where to keep them; made when needed. One that cannot be written is no error.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / FOLDER

    def get(self, key: Key) -> Facts | None:
        """What was stored under a key."""
        if key in _remembered or not key.lasting:
            return _remembered.get(key)
        try:
            facts = json.loads(self._path(key).read_text())
        except (OSError, ValueError):
            return None
        return facts if isinstance(facts, dict) else None

    def put(self, key: Key, facts: Facts) -> None:
        """Remember facts; those of a failure in this process only."""
        _remembered[key] = facts
        if "error" in facts or not key.lasting:
            return
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile("w", dir=self._folder, delete=False) as file:
                json.dump(facts, file)
            os.replace(file.name, self._path(key))  # whole or not at all, whoever else writes

    def _path(self, key: Key) -> Path:
        return self._folder / f"{key.text}.json"


def cache_key(specialisation: Specialisation, depth: Depth) -> Key:
    """The key of what compiling to this depth gives.

    Where Triton cannot even find out what the kernel refers to, it does not compile, and the key
    holds in this process only.
    """
    try:
        code, lasting = specialisation.source().hash(), True
    except Exception as error:
        forget_placeholders(error)
        code, lasting = _own_hash(specialisation), False
    parts: list[Any] = [
        FORMAT,
        triton.__version__,
        specialisation.target.name,
        depth.value,
        code,
        specialisation.options.hash(),
        sorted(get_cache_invalidating_env_vars().items()),
    ]
    return Key(_hash(parts), lasting)


def _own_hash(specialisation: Specialisation) -> str:
    function = specialisation.function
    parts = [function.fn.__code__.co_filename, function.starting_line_number, function.src]
    return _hash([*parts, specialisation.arguments()])


def _hash(parts: list[Any]) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()
