"""Facts of compiled kernels on their way from one run to the next, through the judge's hands.

The worker has no folder that outlives it. It gets what an earlier run of the same submission
found out in a block of shared memory, and leaves there what it found out itself. The judge keeps
the block without reading it; its size is sealed.
"""

from __future__ import annotations

import json
import os
import re
import struct
import tempfile
from pathlib import Path

_LENGTH = struct.Struct("!Q")
_NAME = re.compile(r"[\w-]+/[\w-]+\.json")


class KeptFacts:
    """The block, and the folder of this process that it is unpacked into."""

    def __init__(self, descriptor: int) -> None:
        """Use the memfd ``descriptor``."""
        self._block = descriptor
        self._folder: Path | None = None
        self._files = 0

    def unpack(self) -> Path:
        """Write the facts into a new folder; what cannot be read is left out."""
        self._folder = folder = Path(tempfile.mkdtemp(prefix="compiled-"))
        for name, text in self._read().items():
            if _NAME.fullmatch(name) and isinstance(text, str):
                path = folder / name
                path.parent.mkdir(exist_ok=True)
                path.write_text(text)
        self._files = len(self._found())
        return folder

    def pack(self) -> None:
        """Put what the folder holds into the block, if that is more than before and fits."""
        files = self._found()
        if self._folder is None or len(files) == self._files:
            return
        self._files = len(files)
        facts = {str(path.relative_to(self._folder)): path.read_text() for path in files}
        body = json.dumps(facts).encode()
        if _LENGTH.size + len(body) > os.fstat(self._block).st_size:
            return
        # A block that was left half-written holds nothing.
        os.pwrite(self._block, _LENGTH.pack(0), 0)
        os.pwrite(self._block, body, _LENGTH.size)
        os.pwrite(self._block, _LENGTH.pack(len(body)), 0)

    def _read(self) -> dict[str, object]:
        (length,) = _LENGTH.unpack(os.pread(self._block, _LENGTH.size, 0))
        try:
            facts = json.loads(os.pread(self._block, length, _LENGTH.size) or b"{}")
        except (ValueError, RecursionError):
            return {}
        return facts if isinstance(facts, dict) else {}

    def _found(self) -> list[Path]:
        return sorted(self._folder.glob("*/*.json")) if self._folder is not None else []
