"""The judge's folder for one worker: what it hands over, and what must not stay behind.

A lock tells a folder in use from one whose judge was killed: the next judge removes those.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import subprocess
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

PREFIX = "grade-"
_LOCK = "judge.lock"
_MARK = b"a grading run's folder; removed when its process has ended\n"


class Room:
    """A temporary folder with three parts; the worker may see the first, by another name.

    Attributes:
        path: The whole.
        files: What the judge hands over.
        work: The worker's own folder, where it has none in memory.
        root: An empty folder, to build a root on.
    """

    def __init__(self) -> None:
        """Make the folder, and remove those that killed judges left."""
        remove_leftovers(Path(tempfile.gettempdir()))
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX))
        self._lock = _locked(self.path / _LOCK)
        self.files, self.work, self.root = (self.path / n for n in ("files", "work", "root"))
        for folder in (self.files, self.work, self.root):
            folder.mkdir()
            folder.chmod(0o755)  # a confined worker may be another user
        self._files = os.open(self.files, os.O_RDONLY | os.O_DIRECTORY)

    def place(self, name: str, content: bytes) -> Path:
        """Hand a file over; returns its path below ``files``.

        Where a worker is not confined it may have written there: the folder around the file is
        new, and no link is followed.
        """
        token = secrets.token_hex(8)
        os.mkdir(token, dir_fd=self._files)
        folder = os.open(token, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=self._files)
        try:
            os.fchmod(folder, 0o755)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
            with os.fdopen(os.open(name, flags, 0o644, dir_fd=folder), "wb") as file:
                os.fchmod(file.fileno(), 0o644)
                file.write(content)
        finally:
            os.close(folder)
        return Path(token, name)

    def close(self) -> None:
        """Remove the folder; a second time does no harm."""
        if self._files >= 0:
            os.close(self._files)
            os.close(self._lock)
            self._files = -1
        _remove(self.path)


@cache
def remove_leftovers(folder: Path) -> None:
    """Remove the folders of judges that were killed; looks once in a process."""
    for path in folder.glob(f"{PREFIX}*"):
        with suppress(OSError):
            if path.lstat().st_uid == os.geteuid() and not path.is_symlink() and _is_left(path):
                _remove(path)


def _is_left(path: Path) -> bool:
    """Whether a judge made this folder, and has ended."""
    lock = os.open(path / _LOCK, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.read(lock, len(_MARK) + 1) == _MARK  # written once the maker has the lock
    finally:
        os.close(lock)


def _locked(path: Path) -> int:
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    os.write(lock, _MARK)
    return lock


def _remove(path: Path) -> None:
    try:
        shutil.rmtree(path, ignore_errors=True)
    except RecursionError:  # folders nested deeper than Python's stack
        subprocess.run(["rm", "-rf", "--", str(path)], capture_output=True)
