"""Fixtures that several rooms of tests share."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from grader.protocol.frames import Channel

if TYPE_CHECKING:
    from tests.grading.warm import WarmWorkers

# Read when torch is imported: on a busy machine its threads wait for each other for longer
# than they work on the small tensors of these tests.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A job in the background of a script ignores Ctrl-C, and so would all that it starts; tests of
# interruptions would wait for good.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Courses for grading runs, not tests of the grader.
collect_ignore = ["courses"]


@pytest.fixture
def peer() -> Iterator[tuple[Channel, socket.socket]]:
    """A channel, and the bare socket at its other end that can send whatever it likes."""
    ours, theirs = socket.socketpair()
    channel = Channel(ours)
    yield channel, theirs
    channel.close()
    theirs.close()


@pytest.fixture(scope="session")
def warm_workers() -> Iterator[WarmWorkers]:
    """Worker processes to lend, for tests that need one but not a fresh one."""
    from tests.grading.warm import WarmWorkers

    workers = WarmWorkers()
    yield workers
    workers.close()


@pytest.fixture
def lent_workers(warm_workers: WarmWorkers, monkeypatch: pytest.MonkeyPatch) -> None:
    """Grading runs of this test use warm workers."""
    for module in ("grader.run", "grader.judge.session", "grader.judge.grading"):
        monkeypatch.setattr(f"{module}.WorkerProcess", warm_workers)


@pytest.fixture
def no_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Grading runs of this test run nothing of the submission."""
    from tests.grading.warm import NoWorker

    for module in ("grader.run", "grader.judge.session", "grader.judge.grading"):
        monkeypatch.setattr(f"{module}.WorkerProcess", NoWorker)
