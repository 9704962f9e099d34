"""System calls that confinement needs and Python does not offer, through the C library."""

from __future__ import annotations

import ctypes
import os
import signal

# mount(2)
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1 << 5, 1 << 12, 1 << 14, 1 << 18
_MNT_DETACH = 2

# unshare(2)
NEW_MOUNTS, NEW_HOSTNAME, NEW_IPC = 0x0002_0000, 0x0400_0000, 0x0800_0000
NEW_USERS, NEW_PIDS, NEW_NETWORK = 0x1000_0000, 0x2000_0000, 0x4000_0000

# prctl(2)
_PDEATHSIG, _SET_DUMPABLE, _CAPBSET_DROP = 1, 4, 24
_SET_CHILD_SUBREAPER, _SET_NO_NEW_PRIVS = 36, 38

_CAPABILITY_VERSION = 0x2008_0522
_CAPABILITIES = 64

_LIBC = ctypes.CDLL(None, use_errno=True)


def mount(
    source: str | None, target: str, kind: str | None = None, flags: int = 0, data: str = ""
) -> None:
    """Mount, bind or remount.

    Raises:
        OSError: As mount(2); the file name is the target.
    """
    arguments = (source, target, kind, ctypes.c_ulong(flags), data or None)
    encoded = [each.encode() if isinstance(each, str) else each for each in arguments]
    _checked(_LIBC.mount(*encoded), target)


def swap_root(folder: str) -> None:
    """Make a mount point the root, and let the old root go: nothing leads back to it."""
    os.chdir(folder)
    _checked(_LIBC.pivot_root(b".", b"."), "pivot_root")
    _checked(_LIBC.umount2(b".", _MNT_DETACH), "the old root")
    os.chdir("/")


def unshare(flags: int) -> None:
    """Leave namespaces for new ones; those of process ids hold for children only."""
    _checked(_LIBC.unshare(flags), "unshare")


def die_with_parent() -> None:
    """Get SIGKILL when the thread that forked this process ends."""
    _prctl(_PDEATHSIG, signal.SIGKILL)


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parent ends."""
    _prctl(_SET_CHILD_SUBREAPER, 1)


def forbid_tracing() -> None:
    """No process of the same user may look into this one; until it executes another program."""
    _prctl(_SET_DUMPABLE, 0)


def forbid_new_privileges() -> None:
    """From now on set-user-id programs are ordinary ones, here and in all descendants."""
    _prctl(_SET_NO_NEW_PRIVS, 1)


def drop_bounding_set() -> None:
    """No program that is executed from here on can gain a capability."""
    for capability in range(_CAPABILITIES):
        _LIBC.prctl(_CAPBSET_DROP, capability, 0, 0, 0)  # fails for those that do not exist


def drop_capabilities() -> None:
    """Give all capabilities up."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    _checked(_LIBC.capset(header, (ctypes.c_uint32 * 6)()), "capset")


def _prctl(option: int, value: int) -> None:
    _checked(_LIBC.prctl(option, value, 0, 0, 0), f"prctl {option}")


def _checked(result: int, subject: str) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), subject)
