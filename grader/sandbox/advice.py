"""How a machine can get a better level, told from what its kernel and its programs say."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from grader.sandbox.levels import Level
from grader.sandbox.probing import Sandbox

# Settings that keep ordinary users from namespaces: the file, the value that does, the remedy.
_SETTINGS = (
    ("kernel/unprivileged_userns_clone", "0", "1"),
    ("kernel/apparmor_restrict_unprivileged_userns", "1", "0"),
    ("user/max_user_namespaces", "0", "10000"),
)
_CONTAINERS = ("/.dockerenv", "/run/.containerenv")


def advice(found: Sandbox, sysctl: Path = Path("/proc/sys")) -> str:
    """What to do for a better level; empty at a level that has all.

    Args:
        found: The level that this machine has.
        sysctl: Where the kernel's settings are.
    """
    return " ".join(_remedies(found, sysctl)) if not found.level.is_private else ""


def _remedies(found: Sandbox, sysctl: Path) -> Iterator[str]:
    for name, bad, good in _SETTINGS:
        if _setting(sysctl / name) == bad:
            yield f"Allow user namespaces: sudo sysctl -w {name.replace('/', '.')}={good}."
    if any(os.path.exists(path) for path in _CONTAINERS):
        yield (
            "In a container: start it with --security-opt seccomp=unconfined "
            "--security-opt systempaths=unconfined, or grade outside of it."
        )
    if shutil.which("bwrap") is None:
        yield "Install bubblewrap (the package of that name)."
    tried = (failure for failure in found.failures if not failure.startswith(Level.USER_NAMESPACES))
    yield from (f"Tried {failure}." for failure in tried)


def _setting(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:  # this kernel has no such setting
        return ""
