"""How a worker process is confined, and what that confinement is worth on this machine.

The level is probed once per process, printed, and stored with every result. What holds at each
level today: an interpreter isolated from the environment and the user's site packages, its own
process group, an empty scratch folder, a minimal environment; with user namespaces also no
network, not even loopback.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

# What a worker needs of the environment: a compiler for Triton's launcher, the GPU's libraries
# and the choice of GPU. Everything else stays outside.
_PASSED_ON = (
    "PATH",
    "LANG",
    "LC_ALL",
    "CC",
    "LD_LIBRARY_PATH",
    "CUDA_HOME",
    "CUDA_PATH",
    "CUDA_VISIBLE_DEVICES",
    "NVIDIA_VISIBLE_DEVICES",
    "NVIDIA_DRIVER_CAPABILITIES",
)

_NAMESPACES = (
    ("--user", "--map-current-user", "--net", "--ipc"),
    ("--user", "--map-root-user", "--net", "--ipc"),
)


@dataclass(frozen=True)
class Sandbox:
    """A level of confinement.

    Attributes:
        level: ``"user-namespaces"`` or ``"process-group"``; recorded with the results.
        explanation: One sentence on what the level gives.
        prefix: Command that confines the command behind it.
    """

    level: str
    explanation: str
    prefix: tuple[str, ...]

    def command(self, script: Path, arguments: tuple[str, ...]) -> list[str]:
        """The command that runs a Python script confined."""
        return [*self.prefix, sys.executable, "-I", str(script), *arguments]


@cache
def probe() -> Sandbox:
    """The strongest level that works on this machine."""
    unshare = shutil.which("unshare")
    for namespaces in _NAMESPACES if unshare else ():
        prefix = (str(unshare), *namespaces, "--")
        if _succeeds([*prefix, "true"]):
            return Sandbox(
                "user-namespaces",
                "own process group, scratch folder and user namespace; no network",
                prefix,
            )
    return Sandbox(
        "process-group",
        "own process group and scratch folder; the network is reachable, because this "
        "machine allows no unprivileged user namespaces",
        (),
    )


def environment(scratch: Path) -> dict[str, str]:
    """The environment of a worker whose only writable folder is ``scratch``."""
    passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return {
        **passed,
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        "TRITON_CACHE_DIR": str(scratch / "triton-cache"),
        "TORCHINDUCTOR_CACHE_DIR": str(scratch / "inductor-cache"),
        "PYTHONDONTWRITEBYTECODE": "1",
        # On small tensors, and beside other jobs, threads wait for longer than they work.
        "OMP_NUM_THREADS": "1",
    }


def _succeeds(command: list[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, timeout=10).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False
