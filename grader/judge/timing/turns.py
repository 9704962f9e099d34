"""Whose turn it is to measure on a GPU: gradings at the same time wait for each other.

Students on one machine, or an instructor who grades several submissions at once, would
otherwise time each other's work. Only the timed batches take turns; workers are started, kernels
compiled and results compared beside them. The turn is an advisory lock on a file (flock(2)) in a
folder that all users of a machine share, which the kernel ends with its holder: whoever crashes
holds nobody up. Containers that share a GPU but no such folder do not see each other.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PATIENCE_S = 150.0
"""Seconds: somewhat longer than a measurement may take (``measure.MOST_SECONDS``)."""

FOLDERS = (Path("/tmp"), Path(tempfile.gettempdir()))  # noqa: S108 - the one that all users share

_PAUSE_S = 0.02


@contextmanager
def turn(gpu: str, patience_s: float = PATIENCE_S) -> Iterator[bool]:
    """Measure alone among gradings on a GPU; tells whether another one measures all the same.

    Whoever waits in vain measures beside it. Whoever may not lock here cannot know.

    Args:
        gpu: The driver's name of the GPU, ``"GPU-…"``.
        patience_s: How long to wait for the others, in seconds.
    """
    names = (folder / f"grader-turn-{gpu}.lock" for folder in FOLDERS)
    file = next((file for name in names if (file := _opened(name)) is not None), None)
    if file is None:
        yield False
        return
    try:
        yield _is_held(file, patience_s)
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


def _is_held(file: int, patience_s: float) -> bool:
    """Take the lock, or find that somebody else keeps it."""
    end = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                return True
            time.sleep(_PAUSE_S)
        except OSError:  # a file system without such locks
            return False
        else:
            return False
