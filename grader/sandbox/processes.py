"""Who descends from whom, and how many there are, by what ``/proc`` tells."""

from __future__ import annotations

import os
from contextlib import suppress


def children(pid: int) -> list[int]:
    """The children of a process's first thread; none if the process has gone."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return [int(child) for child in file.read().split()]
    except FileNotFoundError:  # the process has gone, or the kernel is built without the file
        return [each for each in _all() if _parent(each) == pid]


def descendant(pid: int, generations: int) -> int | None:
    """The first child's first child, and so on; None before it is there."""
    for _ in range(generations):
        found = children(pid)
        if not found:
            return None
        pid = found[0]
    return pid


def descendants(pid: int) -> set[int]:
    """All that descend from a process, whichever of its threads started them."""
    by_parent: dict[int, list[int]] = {}
    for each in _all():
        by_parent.setdefault(_parent(each), []).append(each)
    found: set[int] = set()
    waiting = [pid]
    while waiting:
        # What was read at different moments may contradict itself: an id was given again.
        young = set(by_parent.get(waiting.pop(), ())) - found
        found |= young
        waiting += young
    return found


def count_threads(user: int) -> int:
    """How many threads belong to a user, which is what the kernel's limit counts."""
    found = 0
    for pid in _all():
        with suppress(OSError):
            if os.stat(f"/proc/{pid}").st_uid == user:
                found += len(os.listdir(f"/proc/{pid}/task"))
    return found


def _all() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _parent(pid: int) -> int:
    with suppress(OSError), open(f"/proc/{pid}/stat", "rb") as file:
        return int(file.read().rpartition(b")")[2].split()[1])  # a name may hold anything
    return 0
