"""The levels of confinement, strongest first, and what each is worth in one sentence.

Plain data, so that a report can explain a level without being able to change it.
"""

from __future__ import annotations

from enum import StrEnum


class Level(StrEnum):
    """How well a worker is confined; recorded with the results."""

    BUBBLEWRAP = "bubblewrap"
    NAMESPACES = "namespaces"
    USER_NAMESPACES = "user-namespaces"
    PROCESS_GROUP = "process-group"

    @property
    def explanation(self) -> str:
        """What a submission can and cannot reach, to be printed."""
        return _EXPLANATIONS[self]

    @property
    def is_private(self) -> bool:
        """Whether a worker has a file system and process ids of its own.

        Without them a submission can read, and change, the files of whoever grades it.
        """
        return self in (Level.BUBBLEWRAP, Level.NAMESPACES)


_PRIVATE = (
    "a submission sees the interpreter and itself, writes to memory only, has no network, and "
    "ends with the judge"
)
_EXPLANATIONS = {
    Level.BUBBLEWRAP: _PRIVATE,
    Level.NAMESPACES: _PRIVATE,
    Level.USER_NAMESPACES: (
        "a submission has no network, but reads and changes the files that you can; "
        "run only what you trust"
    ),
    Level.PROCESS_GROUP: (
        "a submission reaches the network, and reads and changes the files that you can; "
        "run only what you trust"
    ),
}


def warning(name: str) -> str:
    """A sentence on a level that protects whoever grades only in part; empty for others.

    Args:
        name: A level as a report names it.
    """
    weak = [level for level in Level if level == name and not level.is_private]
    return "".join(f"Not confined on this machine: {level.explanation}." for level in weak)
