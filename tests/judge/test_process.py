"""One worker process from start to end, with the real sandbox."""

from __future__ import annotations

import ast
import os
import select
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
from grader.sandbox import Launch, Level, Sandbox, probing, processes, view

PLENTY = 60.0


@pytest.fixture(scope="module")
def worker() -> Iterator[WorkerProcess]:
    """A process of these tests' own, which the last of them ends."""
    made = WorkerProcess("interpreted")
    assert made.wait_until_ready()["ready"] is True
    yield made
    made.close()


def load(worker: WorkerProcess, text: str, deadline_s: float = PLENTY) -> Message:
    path = worker.place("lesson01.py", text.encode())
    request: Message = {"op": "load", "path": str(path), "targets": [], "deadline_s": deadline_s}
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
import os, resource, socket, sys
try:
    socket.create_connection(("127.0.0.1", %d), timeout=5).close()
    reached = True
except OSError:
    reached = False
limits = "CORE", "NPROC", "FSIZE", "NOFILE", "AS"
raise RuntimeError(repr({
    "flags": (sys.flags.isolated, sys.flags.no_user_site, sys.flags.ignore_environment),
    "places": {os.getcwd(), os.environ["HOME"], os.environ["TMPDIR"]},
    "secret": os.environ.get("SECRET_OF_THE_JUDGE"),
    "pythonpath": os.environ.get("PYTHONPATH"),
    "path": [entry for entry in sys.path if entry.startswith(%r)],
    "network": reached,
    "descriptors": sorted(int(name) for name in os.listdir("/proc/self/fd")),
    "limits": [resource.getrlimit(getattr(resource, "RLIMIT_" + each))[1] for each in limits],
    "first to be killed": open("/proc/self/oom_score_adj").read().strip(),
}))
"""


def test_a_worker_sees_its_own_folder_and_little_else(
    worker: WorkerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_JUDGE", "42")
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    root = str(Path(__file__).resolve().parents[2])
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        seen = ast.literal_eval(load(worker, SEES % (port, root))["error"]["message"])
    level = sandbox.probe().level
    assert seen["flags"] == (1, 1, 1)
    assert seen["places"] == {str(view.HOME if level.is_private else worker.room.work)}
    assert seen["secret"] is seen["pythonpath"] is None
    installed = sysconfig.get_path("purelib")  # of the environment, which may lie in the checkout
    assert [entry for entry in seen["path"] if entry != installed] == []
    assert seen["network"] == (level is Level.PROCESS_GROUP)
    # Standard streams; the socket, the traceback pipe, the facts; what the listing itself opened.
    assert len(seen["descriptors"]) <= 3 + 3 + 1
    core, processes, file, files, address_space = seen["limits"]
    assert core == 0
    assert 1024 <= processes < 1 << 20
    assert 0 < file <= 2 << 30
    assert 0 < files <= 4096
    assert address_space == -1  # CUDA reserves more than any machine has
    assert seen["first to be killed"] == "1000"


def test_the_process_that_runs_the_submission_is_known_by_the_judges_id(
    worker: WorkerProcess,
) -> None:
    told = load(worker, "raise RuntimeError(open('/proc/self/status').read())")
    inside = int(told["error"]["message"].split("Pid:")[1].split()[0])
    status = Path(f"/proc/{worker.worker_pid}/status").read_text()
    assert int(status.split("NSpid:")[1].splitlines()[0].split()[-1]) == inside


def test_a_request_that_is_no_operation_ends_the_worker(worker: WorkerProcess) -> None:
    with pytest.raises(WorkerDied) as died:
        worker.request({"op": "absent"}, PLENTY)
    assert (died.value.cause, died.value.code) == ("exit", 1)


FORKS = """
import os, signal
count = 0
while True:
    try:
        pid = os.fork()
    except OSError:
        raise RuntimeError(str(count))
    if pid == 0:
        os.setsid()
        while True:
            signal.pause()
    count += 1
"""


def test_a_fork_bomb_is_bounded_and_gone_with_its_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    if os.geteuid() == 0 and not sandbox.probe().other_user:
        pytest.skip("the kernel limits nothing for root")
    monkeypatch.setattr(probing, "MOST_PROCESSES", 60)
    worker = WorkerProcess("interpreted")
    worker.wait_until_ready()
    count = int(load(worker, FORKS)["error"]["message"])
    pids = [*processes.children(worker.worker_pid or 0)]
    assert 20 < count == len(pids)
    worker.close()
    assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []


def test_a_closed_worker_leaves_no_process_no_file_and_no_folder() -> None:
    before, folders = open_files(), set(os.listdir(tempfile.gettempdir()))
    worker = WorkerProcess("interpreted")
    assert worker.room.path.is_dir()
    worker.close()
    assert has_ended(worker.pid)
    assert open_files() - before == set()
    assert worker.room.path.name not in set(os.listdir(tempfile.gettempdir())) - folders
    worker.close()  # a second time does no harm


def test_a_process_that_the_system_does_not_start_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_memory(*_: object, **__: object) -> None:
        raise OSError(12, "Cannot allocate memory")

    sandbox.probe()  # once a process; starts some of its own
    before, folders = open_files(), set(os.listdir(tempfile.gettempdir()))
    monkeypatch.setattr(process.subprocess, "Popen", no_memory)
    with pytest.raises(OSError, match="Cannot allocate"):
        WorkerProcess("interpreted")
    assert open_files() - before == set()
    assert set(os.listdir(tempfile.gettempdir())) - folders == set()


def test_a_worker_that_cannot_start_is_the_machines_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(Sandbox):
        def worker(self, *_: object) -> Launch:
            return Launch(["sh", "-c", "echo no such luck; exec sleep 0"], {})

    monkeypatch.setattr(sandbox, "probe", lambda: Broken(Level.PROCESS_GROUP))
    worker = WorkerProcess("interpreted")
    with pytest.raises(WorkerStartError, match="no such luck") as raised:
        worker.wait_until_ready()
    assert "course doctor" in str(raised.value)
    worker.close()
    assert not worker.room.path.exists()


def test_a_worker_without_memory_to_start_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(Sandbox):
        def worker(self, *_: object) -> Launch:
            return Launch(["echo", "AcceleratorError: CUDA error: out of memory"], {})

    monkeypatch.setattr(sandbox, "probe", lambda: Full(Level.PROCESS_GROUP))
    worker = WorkerProcess("compiled")
    with pytest.raises(WorkerStartError, match="fewer submissions at a time"):
        worker.wait_until_ready()
    worker.close()


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
