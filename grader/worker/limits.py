"""Bounds on what a worker can use up, set before anything of the submission runs.

There is none on address space, of which CUDA reserves more than any machine has; the system ends
this process first where memory runs out.
"""

from __future__ import annotations

import resource
from contextlib import suppress
from pathlib import Path

MOST_FILE_BYTES = 2 * 2**30
MOST_OPEN_FILES = 4096


def set_limits(processes: int) -> None:
    """Set the limits, which nothing in this process can raise again.

    Args:
        processes: The most processes and threads that the user of this one may have.
    """
    _at_most(resource.RLIMIT_CORE, 0)
    _at_most(resource.RLIMIT_NPROC, processes)
    _at_most(resource.RLIMIT_FSIZE, MOST_FILE_BYTES)
    _at_most(resource.RLIMIT_NOFILE, MOST_OPEN_FILES)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def _at_most(kind: int, limit: int) -> None:
    _, hard = resource.getrlimit(kind)
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(kind, (limit, limit))
