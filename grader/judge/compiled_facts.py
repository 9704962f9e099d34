"""Facts of compiled kernels, kept from run to run so that a rerun is fast.

A worker writes them beside student code, so a submission could forge them: they are kept apart
by submission, and come back to nobody else. The judge never reads them. A block of shared memory
of a sealed size carries them: no worker can fill a disk with them.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import struct
import tempfile
from contextlib import suppress
from pathlib import Path

CAPACITY = 8 * 2**20
MOST_SUBMISSIONS = 200

_LENGTH = struct.Struct("!Q")
_SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL


class FactsBlock:
    """The judge's end of one worker's block.

    Attributes:
        descriptor: The memfd, for the worker to inherit.
    """

    def __init__(self) -> None:
        self.descriptor = os.memfd_create("facts", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(self.descriptor, CAPACITY)
        fcntl.fcntl(self.descriptor, fcntl.F_ADD_SEALS, _SEALS)
        self._file: Path | None = None
        self._given = b""

    def load(self, file: Path | None) -> None:
        """Fill the block from a file, and keep it there from now on; None: nowhere."""
        self.store()
        self._file, self._given = file, b""
        if file is not None:
            with suppress(OSError):
                self._given = file.read_bytes()[: CAPACITY - _LENGTH.size]
        os.pwrite(self.descriptor, _LENGTH.pack(len(self._given)) + self._given, 0)

    def store(self) -> None:
        """Write the block to its file if the worker has changed it; a failure is no error."""
        if self._file is None:
            return
        (length,) = _LENGTH.unpack(os.pread(self.descriptor, _LENGTH.size, 0))
        content = os.pread(self.descriptor, min(length, CAPACITY), _LENGTH.size)
        if content and content != self._given:
            with suppress(OSError):
                _write(self._file, content)

    def close(self) -> None:
        """Store, and let the block go; a second time does no harm."""
        if self.descriptor >= 0:
            self.store()
            os.close(self.descriptor)
            self.descriptor = -1


def facts_file(submission: Path, content: bytes) -> Path:
    """Where the facts of a submission are kept: by its path, so that they survive an edit.

    A file in the folder for temporary files has a path that nobody sees again; there the
    content tells one submission from another.
    """
    path = submission.resolve()
    temporary = path.is_relative_to(Path(tempfile.gettempdir()).resolve())
    known = b"content " + content if temporary else b"path " + os.fsencode(path)
    identity = hashlib.sha256(known).hexdigest()
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "triton-course" / "compiled" / f"{identity}.json"


def _write(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("wb", dir=file.parent, delete=False) as new:
        new.write(content)
    os.replace(new.name, file)
    kept = sorted(file.parent.glob("*.json"), key=lambda each: each.stat().st_mtime, reverse=True)
    for old in kept[MOST_SUBMISSIONS:]:
        old.unlink(missing_ok=True)
