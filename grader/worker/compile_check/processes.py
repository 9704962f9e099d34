"""Runs tasks in forked copies of this process, a few at a time.

Compiling wants copies rather than fresh processes: they have torch, Triton and the submission
loaded, kernels that exist only in memory included. And it wants processes rather than threads:
the compiler can abort, hang and print, and none of that may reach the worker.

Knows nothing about compiling. A task gives plain values, which come back as JSON. A child takes
one task after another from a queue that all of them share, because a copied process costs as
much as compiling a small kernel.
"""

from __future__ import annotations

import ctypes
import faulthandler
import gc
import json
import math
import os
import resource
import select
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

# A task gets a function that gives what its process has printed since it began.
Task = Callable[[Callable[[], str]], dict[str, Any]]

# prctl(2): the signal a process gets when its parent dies.
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)
_LONGEST_OUTPUT = 1_000_000
_LONGEST_START_S = 60.0
# The queue is a pipe, filled before anyone reads: 64 KiB of numbers of this size.
_NUMBER_BYTES = 4
_MOST_TASKS = 64 * 1024 // _NUMBER_BYTES


@dataclass(frozen=True)
class Outcome:
    """What became of a task.

    Attributes:
        value: What it returned; None if its process died.
        death: How the process died, for example ``SIGABRT``; empty otherwise.
        timed_out: It was killed because it took too long.
        printed: What it had printed when its process died.
    """

    value: dict[str, Any] | None
    death: str = ""
    timed_out: bool = False
    printed: str = ""


def run_forked(tasks: Sequence[Task], processes: int, timeout_s: float) -> list[Outcome]:
    """Run each task in one of a few child processes.

    Args:
        tasks: What to run.
        processes: Children at a time.
        timeout_s: Longest time for one task.

    Returns:
        One outcome a task, in order.

    Raises:
        RuntimeError: A process ended, or did nothing for a minute, before it took a task.
    """
    outcomes: dict[int, Outcome] = {}
    queue = _queue(len(tasks))
    children: list[_Child] = []
    try:
        for _ in range(min(processes, len(tasks))):
            children.append(_Child(tasks, queue, timeout_s))
        while children:
            for child in _wait(children):
                children.remove(child)
                outcomes.update(child.finish())
                if child.died:  # tasks may be waiting; if not, the new one ends at once
                    children.append(_Child(tasks, queue, timeout_s))
    finally:
        os.close(queue)
        for child in children:
            child.kill()
            child.close()
    return [outcomes[number] for number in range(len(tasks))]


def _queue(length: int) -> int:
    """A pipe that gives the numbers from 0, each to one reader."""
    if length > _MOST_TASKS:
        raise ValueError(f"{length} tasks are more than {_MOST_TASKS}")
    reader, writer = os.pipe()
    os.write(writer, b"".join(n.to_bytes(_NUMBER_BYTES, "big") for n in range(length)))
    os.close(writer)
    return reader


def _wait(children: Sequence[_Child]) -> list[_Child]:
    """The children that have ended or had to be ended, as soon as anything has happened."""
    poll = select.poll()
    for child in children:
        poll.register(child.channel, select.POLLIN)
    patience = min(child.deadline for child in children) - time.monotonic()
    ready = {channel for channel, _ in poll.poll(math.ceil(max(0.0, patience) * 1000))}
    ended = [child for child in children if child.channel in ready and child.receive()]
    for child in children:
        if child not in ended and time.monotonic() > child.deadline:
            child.kill()
            ended.append(child)
    return ended


class _Child:
    """A process that works on tasks until there are none left.

    Attributes:
        channel: Where its messages arrive.
        deadline: When the task in hand has taken too long.
        died: It left a task unfinished; known after ``finish``.
    """

    def __init__(self, tasks: Sequence[Task], queue: int, timeout_s: float) -> None:
        self.deadline = time.monotonic() + _LONGEST_START_S
        self.died = False
        self._timeout_s = timeout_s
        self._received = b""
        self._killed = False
        self._output = os.memfd_create("output")
        self.channel, channel = os.pipe()
        with warnings.catch_warnings():
            # Python 3.12 warns of threads, which torch has. The child uses none of them.
            warnings.simplefilter("ignore", DeprecationWarning)
            self._pid = os.fork()
        if self._pid == 0:
            _live(tasks, queue, channel, self._output, timeout_s)
        os.close(channel)

    def receive(self) -> bool:
        """Take what has arrived; whether that was all."""
        part = os.read(self.channel, 1 << 16)
        self._received += part
        self.deadline = time.monotonic() + self._timeout_s
        return not part

    def kill(self) -> None:
        """End it now."""
        self._killed = True
        os.kill(self._pid, signal.SIGKILL)

    def finish(self) -> dict[int, Outcome]:
        """What became of its tasks, once it has ended; call once."""
        _, status = os.waitpid(self._pid, 0)
        code = os.waitstatus_to_exitcode(status)
        while not self.receive():  # what it said just before it was ended
            pass
        messages = [json.loads(line) for line in self._received.split(b"\n")[:-1]]
        outcomes = {
            message["task"]: Outcome(message["value"]) for message in messages if "value" in message
        }
        for message in messages:
            if message["task"] not in outcomes:
                self.died = True
                outcomes[message["task"]] = self._death(code, message["printed_before"])
        os.close(self.channel)
        os.close(self._output)
        if code != 0 and not self.died:
            raise RuntimeError(f"a child process ended before it began: {_name(code)}")
        return outcomes

    def close(self) -> None:
        """Let go of a child that was killed, instead of ``finish``."""
        os.waitpid(self._pid, 0)
        os.close(self.channel)
        os.close(self._output)

    def _death(self, code: int, printed_before: int) -> Outcome:
        timed_out = self._killed or code == -signal.SIGXCPU
        return Outcome(None, _name(code), timed_out, _text(self._output, printed_before))


def _name(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def _live(
    tasks: Sequence[Task], queue: int, channel: int, output: int, timeout_s: float
) -> NoReturn:
    """The life of a child."""
    code = 1
    try:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        faulthandler.disable()  # would write to the file where the judge looks for tracebacks
        gc.disable()  # would touch, and so copy, all of the parent's memory
        for standard in (1, 2):
            os.dup2(output, standard)
        sys.stdout = sys.stderr = os.fdopen(1, "w", buffering=1, errors="backslashreplace")
        while number := os.read(queue, _NUMBER_BYTES):
            _work(tasks, int.from_bytes(number, "big"), channel, output, timeout_s)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _work(tasks: Sequence[Task], number: int, channel: int, output: int, timeout_s: float) -> None:
    """Do one task, and say so before and after."""
    before = os.fstat(output).st_size
    _send(channel, {"task": number, "printed_before": before})
    # Holds for the assembler that the task starts, too, which a signal to the child would miss.
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = math.ceil(used.ru_utime + used.ru_stime + timeout_s) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))
    _send(channel, {"task": number, "value": tasks[number](lambda: _text(output, before))})


def _send(channel: int, message: dict[str, Any]) -> None:
    data = memoryview(json.dumps(message).encode() + b"\n")
    while data:
        data = data[os.write(channel, data) :]


def _text(output: int, begin: int) -> str:
    # Not read(), which would move the place where the next line is written.
    return os.pread(output, _LONGEST_OUTPUT, begin).decode(errors="replace")
