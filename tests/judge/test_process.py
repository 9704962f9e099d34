"""One worker process from start to end, with the real sandbox."""

from __future__ import annotations

import ast
import os
import select
import shutil
import socket
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader import sandbox
from grader.errors import WorkerStartError
from grader.judge import process
from grader.judge.process import WorkerDied, WorkerProcess
from grader.protocol.frames import Message
from grader.sandbox import Sandbox

PLENTY = 60.0


@pytest.fixture(scope="module")
def worker() -> Iterator[WorkerProcess]:
    """A process of these tests' own, which the last of them ends."""
    made = WorkerProcess("interpreted")
    assert made.wait_until_ready()["ready"] is True
    yield made
    made.close()


def load(worker: WorkerProcess, text: str, deadline_s: float = PLENTY) -> Message:
    path = worker.scratch / "lesson01.py"
    path.write_text(text)
    request: Message = {
        "op": "load",
        "path": str(path),
        "targets": [],
        "compile_cache": str(worker.scratch),
        "deadline_s": deadline_s,
    }
    return worker.request(request, deadline_s)


def has_ended(pid: int) -> bool:
    """Whether a process ends within a few seconds; a zombie has."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], 10.0)[0])
    finally:
        os.close(handle)


def open_files() -> set[str]:
    folder = Path("/proc/self/fd")
    return {os.readlink(entry) for entry in folder.iterdir() if entry.is_symlink()}


SEES = """
import os, socket, sys
try:
    socket.create_connection(("127.0.0.1", %d), timeout=5).close()
    reached = True
except OSError:
    reached = False
raise RuntimeError(repr({
    "argv": sys.argv[1:] and "descriptors",
    "flags": (sys.flags.isolated, sys.flags.no_user_site, sys.flags.ignore_environment),
    "cwd": os.getcwd(),
    "home": os.environ["HOME"],
    "secret": os.environ.get("SECRET_OF_THE_JUDGE"),
    "pythonpath": os.environ.get("PYTHONPATH"),
    "path": [entry for entry in sys.path if entry.startswith(%r)],
    "leader": os.getpgid(0) == os.getpid(),
    "network": reached,
    "descriptors": sorted(int(name) for name in os.listdir("/proc/self/fd")),
}))
"""


def test_a_worker_sees_its_scratch_folder_and_little_else(
    worker: WorkerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_JUDGE", "42")
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    root = str(Path(__file__).resolve().parents[2])
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        seen = ast.literal_eval(load(worker, SEES % (port, root))["error"]["message"])
    assert seen["flags"] == (1, 1, 1)
    assert seen["cwd"] == seen["home"] == str(worker.scratch)
    assert seen["secret"] is seen["pythonpath"] is None
    installed = sysconfig.get_path("purelib")  # of the environment, which may lie in the checkout
    assert [entry for entry in seen["path"] if entry != installed] == []
    assert seen["leader"]
    assert seen["network"] == (sandbox.probe().level == "process-group")
    # Standard streams, the socket, the traceback pipe, and what the listing itself opened.
    assert len(seen["descriptors"]) <= 6


def test_a_request_that_is_no_operation_ends_the_worker(worker: WorkerProcess) -> None:
    with pytest.raises(WorkerDied) as died:
        worker.request({"op": "absent"}, PLENTY)
    assert (died.value.cause, died.value.code) == ("exit", 1)


def test_folders_nested_deeper_than_the_stack_are_removed_too(worker: WorkerProcess) -> None:
    here = os.open(".", os.O_RDONLY)
    os.chdir(worker.scratch)
    for _ in range(1500):
        os.mkdir("d")
        os.chdir("d")
    os.fchdir(here)
    os.close(here)
    worker.close()
    assert not worker.scratch.exists()


def test_a_closed_worker_leaves_no_process_no_file_and_no_folder() -> None:
    before, folders = open_files(), set(os.listdir(tempfile.gettempdir()))
    worker = WorkerProcess("interpreted")
    assert worker.scratch.is_dir()
    worker.close()
    assert has_ended(worker.pid)
    assert open_files() - before == set()
    assert {name for name in set(os.listdir(tempfile.gettempdir())) - folders
            if name == worker.scratch.name} == set()  # fmt: skip
    worker.close()  # a second time does no harm


def test_a_worker_that_cannot_start_is_the_machines_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Sandbox("broken", "", ("sh", "-c", "echo no such luck; exec sleep 0", "--"))
    monkeypatch.setattr(sandbox, "probe", lambda: broken)
    worker = WorkerProcess("interpreted")
    with pytest.raises(WorkerStartError, match="no such luck") as raised:
        worker.wait_until_ready()
    assert "course doctor" in str(raised.value)
    worker.close()
    assert not worker.scratch.exists()


@pytest.mark.parametrize(("limit", "printed"), [(10_000, 9_000), (10_000, 10_001)])
def test_output_is_drained_up_to_a_limit(limit: int, printed: int) -> None:
    read, write = os.pipe()
    excess: list[bool] = []
    drain = process._Drain(os.fdopen(read, "rb"), limit, lambda: excess.append(True))
    os.write(write, b"x" * printed)
    os.close(write)
    assert drain.finish() == "x" * printed
    assert drain.exceeded == bool(excess) == (printed > limit)


def test_only_the_last_part_of_the_output_is_kept() -> None:
    read, write = os.pipe()
    drain = process._Drain(os.fdopen(read, "rb"), 1 << 30, lambda: None)
    for _ in range(20):
        os.write(write, b"early " * 1000)
    os.write(write, b"\x1b[31mlate\xff")
    os.close(write)
    text = drain.finish()
    assert text.endswith("late\ufffd")
    assert len(text) <= 16 * 1024


def test_the_probe_names_the_level_that_works_here() -> None:
    level = sandbox.probe()
    assert level.level in ("user-namespaces", "process-group")
    command = level.command(Path("boot.py"), ("5", "6"))
    assert command[-4:] == ["-I", "boot.py", "5", "6"]
    assert command[: len(level.prefix)] == list(level.prefix)


def test_without_namespaces_only_the_process_group_confines(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    sandbox.probe.cache_clear()
    level = sandbox.probe()
    sandbox.probe.cache_clear()
    assert (level.level, level.prefix) == ("process-group", ())
    assert "network is reachable" in level.explanation
