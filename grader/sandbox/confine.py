"""Namespaces without bubblewrap: the same view of the system, made with bare system calls.

Runs in the supervisor, before the worker's program is executed, so it imports as little as it
can. ``start`` leaves for new namespaces and forks the first process in them. That one builds
the worker's root out of read-only binds, forks the worker, and stays as its init: when it ends,
the kernel ends every process in there.

Where the judge is root, the worker is another user: as root it could write to ``/proc/sys``
wherever that is not covered, and no limit of processes would hold for it.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, NoReturn

from grader.sandbox import kernel

NOBODY = 65534
FAILED = 125

# Of /proc, what is not about processes and can be written.
_PROC_COVERED = ("sys", "sysrq-trigger", "irq", "bus", "acpi", "scsi", "fs")

_MOST_FILES = 100_000  # in a folder in memory, which costs the kernel memory by the file

_OTHERS = kernel.NEW_USERS | kernel.NEW_NETWORK | kernel.NEW_IPC | kernel.NEW_HOSTNAME
_WITH_PIDS = _OTHERS | kernel.NEW_PIDS


def leave_network() -> None:
    """New namespaces of users, network and System V objects, in the same file system."""
    _leave(_OTHERS, other_user=False)


def start(plan: Mapping[str, Any]) -> tuple[int, int]:
    """Start a confined worker.

    Args:
        plan: The supervisor's plan; ``steps`` say what the worker's root holds, ``root`` is an
            empty folder to mount it on, ``other_user`` asks for a user id of its own.

    Returns:
        Process id of the init, and a pipe that gives the worker's exit status at its end.
    """
    _leave(_WITH_PIDS, other_user=plan["other_user"])
    reader, writer = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writer)
        return pid, reader
    try:
        os.close(reader)
        reset_signals()
        _init(plan, writer)
    except BaseException as error:
        fail(error)


def fail(error: BaseException) -> NoReturn:
    """End this process and say why: it stands before the worker's first line."""
    print(f"The worker could not be confined: {error}", file=sys.stderr, flush=True)
    os._exit(FAILED)


def reset_signals() -> None:
    """Undo in a child what the supervisor has set for itself."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)


def keep_only(descriptors: Collection[int]) -> None:
    """Close everything but the standard streams and these."""
    lowest = 3
    for descriptor in sorted(descriptors):
        os.closerange(lowest, descriptor)
        lowest = descriptor + 1
    os.closerange(lowest, os.sysconf("SC_OPEN_MAX"))


# ------------------------------------------------------------- the supervisor


def _leave(flags: int, *, other_user: bool) -> None:
    """Leave for new namespaces; in that of users this process may do anything."""
    if not other_user:
        user, group = os.geteuid(), os.getegid()
        kernel.unshare(flags)
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"{NOBODY} {user} 1")
        _write("/proc/self/gid_map", f"{NOBODY} {group} 1")
        return
    ready, left = os.pipe()
    pid, helper = os.getpid(), os.fork()
    if not helper:  # two users can be mapped only from outside
        try:
            os.close(left)
            os.read(ready, 1)
            for name in ("uid_map", "gid_map"):
                _write(f"/proc/{pid}/{name}", f"0 0 1\n{NOBODY} {NOBODY} 1")
        except BaseException as error:
            fail(error)
        os._exit(0)
    kernel.unshare(flags)
    os.close(left)
    os.close(ready)
    if os.waitpid(helper, 0)[1]:
        raise OSError("the users of the namespace could not be set")


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


# ------------------------------------------- the first process in the namespaces


def _init(plan: Mapping[str, Any], status: int) -> NoReturn:
    kernel.die_with_parent()
    kernel.unshare(kernel.NEW_MOUNTS)  # here: the supervisor keeps its root
    socket.sethostname("worker")
    _build(plan["root"], plan["steps"])
    _forbid_namespaces(plan["root"])
    _cover_proc(plan["root"])
    _make_read_only(plan["root"], {step["target"] for step in plan["steps"] if step["writable"]})
    kernel.swap_root(plan["root"])
    kernel.drop_bounding_set()
    kernel.forbid_new_privileges()
    kernel.forbid_tracing()
    worker = os.fork()
    if not worker:
        _become_worker(plan)
    keep_only({status})
    os.dup2(os.open("/dev/null", os.O_WRONLY), 1)  # whoever drains it waits for the worker alone
    os.dup2(1, 2)
    kernel.drop_capabilities()
    while True:
        pid, code = os.wait()
        if pid == worker:
            os.write(status, code.to_bytes(4, "big"))
            os._exit(0)  # the kernel ends whatever is left


def _become_worker(plan: Mapping[str, Any]) -> NoReturn:
    try:
        os.setsid()
        if plan["other_user"]:
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
        kernel.drop_capabilities()
        os.chdir(plan["directory"])
        keep_only(plan["keep"])
        os.execv(plan["command"][0], plan["command"])
    except BaseException as error:
        fail(error)


def _build(root: str, steps: Sequence[Mapping[str, Any]]) -> None:
    """Mount what the steps name below ``root``, in order; folders in between are made."""
    kernel.mount(None, "/", flags=kernel.MS_REC | kernel.MS_PRIVATE)
    _in_memory(root, 1 << 20, 0o755)
    os.umask(0o022)
    for step in steps:
        target = root + step["target"]
        os.makedirs(os.path.dirname(target), exist_ok=True)
        match step["kind"]:
            case "link":
                os.symlink(step["source"], target)
            case "memory":
                os.makedirs(target, exist_ok=True)
                _in_memory(target, step["size"], 0o1777 if step["writable"] else 0o755)
            case "processes":
                os.makedirs(target, exist_ok=True)
                secure = kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC
                kernel.mount("proc", target, "proc", secure)
            case _:
                _bind(step["source"], target)


def _in_memory(target: str, size: int, mode: int) -> None:
    options = f"size={size},nr_inodes={_MOST_FILES},mode={mode:o}"
    kernel.mount("tmpfs", target, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, options)


def _bind(source: str, target: str) -> None:
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    elif not os.path.exists(target):
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644))
    kernel.mount(source, target, flags=kernel.MS_BIND | kernel.MS_REC)


def _cover_proc(root: str) -> None:
    for name in _PROC_COVERED:
        path = f"{root}/proc/{name}"
        if os.path.exists(path):
            kernel.mount(path, path, flags=kernel.MS_BIND | kernel.MS_REC)


def _make_read_only(root: str, writable: Collection[str]) -> None:
    """All that is mounted below ``root``, mounts inside of binds included, but these."""
    for target, options in list(_mounts_below(os.path.realpath(root))):
        if target.removeprefix(os.path.realpath(root)) in writable:
            continue
        flags = kernel.MS_REMOUNT | kernel.MS_BIND | kernel.MS_RDONLY | kernel.MS_NOSUID
        # What is set already may be locked: leaving it out would mean to unset it.
        flags |= kernel.MS_NODEV if "nodev" in options else 0
        flags |= kernel.MS_NOEXEC if "noexec" in options else 0
        with suppress(FileNotFoundError):  # lies below another mount, so nobody sees it
            kernel.mount(None, target, flags=flags)


def _mounts_below(root: str) -> Iterator[tuple[str, list[str]]]:
    """Mount points from ``root`` on, with their options. See proc_pid_mountinfo(5)."""
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as table:
        for line in table:
            fields = line.split(" ")
            target = _unescaped(fields[4])
            if target == root or target.startswith(root + "/"):
                yield target, fields[5].split(",")


def _unescaped(path: str) -> str:
    for code, char in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        path = path.replace(code, char)
    return path


def _forbid_namespaces(root: str) -> None:
    """Inside another namespace of users the worker would be root again, if only there."""
    for kind in ("user", "mnt", "net", "pid", "ipc", "uts", "cgroup", "time"):
        with suppress(OSError):
            _write(f"{root}/proc/sys/user/max_{kind}_namespaces", "0")
