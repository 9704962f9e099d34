"""Whose turn it is to measure on a GPU: gradings at the same time wait for each other.

Students on one machine, or an instructor who grades several submissions at once, would
otherwise time each other's work. Only the measuring takes turns; all else goes on beside it. The
turn is an advisory lock on a file (flock(2)), which the kernel ends with its holder: whoever
crashes holds nobody up.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PATIENCE_S = 120.0
"""A measurement takes 2 to 20 seconds; who does not let go for so long does not grade."""

_PAUSE_S = 0.02


@contextmanager
def turn(gpu: str, patience_s: float = PATIENCE_S) -> Iterator[bool]:
    """Measure alone among gradings on a GPU; whether the others did let go.

    Whoever may not lock, or waits in vain, measures all the same: the measurement itself tells
    whether it was disturbed.

    Args:
        gpu: The driver's name of the GPU, ``"GPU-…"``.
        patience_s: How long to wait for the others, in seconds.
    """
    file = _opened(Path(tempfile.gettempdir()) / f"grader-turn-{gpu}.lock")
    if file is None:
        yield False
        return
    try:
        yield _locked(file, patience_s)
    finally:
        os.close(file)  # which lets go


def _opened(path: Path) -> int | None:
    """The lock's file, whoever made it; None where there cannot be one."""
    with suppress(OSError):
        # To lock, it suffices to read: so one user's file serves the others. Not through a link,
        # which somebody may have laid in a folder that all can write to.
        with suppress(FileExistsError):
            new = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDONLY | os.O_CLOEXEC, 0o444)
            os.fchmod(new, 0o444)  # whatever the umask
            os.close(new)
        return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    return None


def _locked(file: int, patience_s: float) -> bool:
    end = time.monotonic() + patience_s
    while True:
        with suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        if time.monotonic() >= end:
            return False
        time.sleep(_PAUSE_S)
