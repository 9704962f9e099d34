"""Small confined programs, on every level that this machine has."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import pytest

from grader.sandbox import Level, Room, Sandbox

PRIVATE = {
    "namespaces, another user": Sandbox(Level.NAMESPACES, other_user=True),
    "namespaces": Sandbox(Level.NAMESPACES),
    "bubblewrap": Sandbox(Level.BUBBLEWRAP),
}
WEAK = {
    "user-namespaces": Sandbox(Level.USER_NAMESPACES),
    "process-group": Sandbox(Level.PROCESS_GROUP),
}

Running = subprocess.Popen[bytes]


@cache
def missing(name: str) -> str:
    """Why a level cannot be had here; empty if it can."""
    if name == "bubblewrap" and shutil.which("bwrap") is None:
        return "bubblewrap is not installed"
    if name == "namespaces, another user" and os.geteuid() != 0:
        return "takes root"
    return "" if name == "process-group" else (PRIVATE | WEAK)[name].failure()


def _sandbox(request: pytest.FixtureRequest) -> Sandbox:
    if why := missing(request.param):
        pytest.skip(f"no {request.param} here: {why}")
    return (PRIVATE | WEAK)[request.param]


@pytest.fixture(params=PRIVATE)
def private(request: pytest.FixtureRequest) -> Sandbox:
    """Each way to give a worker a view of its own."""
    return _sandbox(request)


@pytest.fixture(params=PRIVATE | WEAK)
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    """Each way to confine a worker at all."""
    return _sandbox(request)


@contextmanager
def running(
    sandbox: Sandbox,
    code: str,
    *arguments: object,
    keep: Sequence[int] = (),
    room: Room | None = None,
) -> Iterator[Running]:
    """A confined Python program, ended at the latest with the block."""
    own = room or Room()
    judge = os.pidfd_open(os.getpid())
    program = ["-I", "-S", "-c", code, *map(str, arguments)]
    launch = sandbox.launch(own, "interpreted", judge, program, keep)
    process = subprocess.Popen(
        launch.command,
        env=launch.environment,
        pass_fds=(judge, *keep),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    os.close(judge)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
        own.close()


def told(sandbox: Sandbox, code: str, *arguments: object, **options: Any) -> Any:
    """What a confined program prints as JSON."""
    with running(sandbox, code, *arguments, **options) as process:
        assert process.stdout is not None
        output = process.stdout.read()
        process.wait()
    assert process.returncode == 0, output.decode(errors="replace")
    return json.loads(output)
