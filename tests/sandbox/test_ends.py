"""How a confined program ends, and that everything it started ends with it."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from grader.sandbox import Room, Sandbox
from grader.sandbox.processes import descendants
from tests.sandbox.conftest import Running, running

CHECKOUT = Path(__file__).resolve().parents[2]


@contextmanager
def lifeline() -> Iterator[tuple[int, int]]:
    """A pipe whose reader sees when the last process that has the writer is gone."""
    reader, writer = os.pipe()
    yield reader, writer
    os.close(reader)


def ends(reader: int) -> bool:
    """Whether the pipe closes within a few seconds, whatever is in it."""
    while select.select([reader], [], [], 20.0)[0]:
        if not os.read(reader, 64):
            return True
    return False


@pytest.mark.parametrize("code", [0, 3, 139])
def test_an_exit_code_is_told_as_it_is(private: Sandbox, code: int) -> None:
    with running(private, f"import os; os._exit({code})") as process:
        told = process.wait()
    # bubblewrap tells a signal by such a code, too
    assert told == (-11 if (private.level, code) == ("bubblewrap", 139) else code)


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGFPE, signal.SIGKILL])
def test_a_signal_is_told_as_that_signal(sandbox: Sandbox, number: signal.Signals) -> None:
    with running(sandbox, f"import os; os.kill(os.getpid(), {int(number)})") as process:
        assert process.wait() == -number


# Three generations, each in a session of its own, deaf to polite signals; each has the pipe.
SPREADS = """
import os, signal, sys
for name in ("SIGTERM", "SIGHUP", "SIGINT"):
    signal.signal(getattr(signal, name), signal.SIG_IGN)
ready = int(sys.argv[1])
for _ in range(2):
    if os.fork():
        break
    os.setsid()
else:
    os.write(ready, b"x")
while True:
    signal.pause()
"""


def wait_for_spread(reader: int) -> None:
    assert select.select([reader], [], [], 20.0)[0]
    assert os.read(reader, 1) == b"x"


@pytest.fixture
def spread(sandbox: Sandbox) -> Iterator[tuple[Running, int]]:
    """A program with descendants in sessions of their own, and the pipe that they hold."""
    with (
        lifeline() as (reader, writer),
        running(sandbox, SPREADS, writer, keep=[writer]) as process,
    ):
        os.close(writer)
        wait_for_spread(reader)
        yield process, reader


def test_descendants_end_when_the_worker_is_ended(spread: tuple[Running, int]) -> None:
    process, reader = spread
    process.terminate()
    process.wait()
    assert ends(reader)


def test_descendants_end_when_the_worker_ends_by_itself(sandbox: Sandbox) -> None:
    code = """
import os, signal, sys
if os.fork() == 0:
    os.setsid()
    os.write(int(sys.argv[1]), b"x")
    while True:
        signal.pause()
"""
    with lifeline() as (reader, writer), running(sandbox, code, writer, keep=[writer]) as process:
        os.close(writer)
        assert process.wait() == 0
        assert ends(reader)


JUDGE = """
import os, sys
from tests.sandbox.conftest import PRIVATE, WEAK, running
from tests.sandbox.test_ends import SPREADS
writer = int(sys.argv[2])
with running((PRIVATE | WEAK)[sys.argv[1]], SPREADS, writer, keep=[writer]) as process:
    os.close(writer)
    process.wait()
"""


def test_descendants_end_with_a_judge_that_is_killed(
    sandbox: Sandbox, request: pytest.FixtureRequest
) -> None:
    name = request.node.callspec.params["sandbox"]
    with lifeline() as (reader, writer):
        judge = subprocess.Popen(
            [sys.executable, "-c", JUDGE, name, str(writer)], cwd=CHECKOUT, pass_fds=[writer]
        )
        os.close(writer)
        try:
            wait_for_spread(reader)
        finally:
            judge.kill()
            judge.wait()
        assert ends(reader)


def test_a_worker_does_not_end_with_the_thread_that_started_it(sandbox: Sandbox) -> None:
    code = "import os, sys; os.read(int(sys.argv[1]), 1); os._exit(7)"
    room = Room()
    started: list[Running] = []
    contexts = []
    reader, writer = os.pipe()

    def start() -> None:
        context = running(sandbox, code, reader, keep=[reader], room=room)
        contexts.append(context)
        started.append(context.__enter__())

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    os.write(writer, b"x")
    assert started[0].wait() == 7
    contexts[0].__exit__(None, None, None)
    os.close(reader)
    os.close(writer)


def test_all_descendants_are_known_whichever_thread_started_them() -> None:
    program = (
        "import subprocess, sys, threading\n"
        "start = lambda: print(subprocess.Popen(['sleep', '60']).pid, flush=True)\n"
        "thread = threading.Thread(target=start); thread.start(); thread.join()\n"
        "start(); sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        young = {int(parent.stdout.readline()) for _ in range(2)}
        try:
            assert descendants(parent.pid) == young
            assert young | {parent.pid} <= descendants(os.getpid())
        finally:
            for pid in young:
                os.kill(pid, signal.SIGKILL)
            parent.kill()
