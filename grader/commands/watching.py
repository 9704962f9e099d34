"""Noticing that a file was saved.

Polls instead of using the system's notification: editors save in many ways (rewrite, replace,
over a network folder), and a look three times a second costs nothing.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

INTERVAL_S = 0.3


def saves(file: Path, pause: Callable[[float], None] = time.sleep) -> Iterator[None]:
    """Yield at once, and again whenever the file holds something else than at the last yield.

    A file that is away for a moment, as when an editor replaces it, is waited for.

    Args:
        file: The file to watch.
        pause: Waits that many seconds; Ctrl-C ends it.
    """
    graded: bytes | None = None
    seen: tuple[int, int] | None = None
    while True:
        stamp = _stamp(file)
        if stamp is not None and stamp != seen:
            content = _digest(file)
            if content is not None:
                seen = stamp
                if content != graded:
                    graded = content
                    yield
                    continue
        pause(INTERVAL_S)


def _stamp(file: Path) -> tuple[int, int] | None:
    """Cheap to read; differs after nearly every save."""
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def _digest(file: Path) -> bytes | None:
    try:
        return hashlib.sha256(file.read_bytes()).digest()
    except OSError:
        return None
