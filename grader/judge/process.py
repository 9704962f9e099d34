"""One worker process from start to end: deadlines, output limits, and why it ended.

A supervisor starts the process confined, ends whatever descends from it, and ends as it did.
Its standard output and error are drained, so that a chatty submission cannot block itself or
fill the judge's memory.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import socket
import struct
import subprocess
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

from grader import sandbox
from grader.errors import WorkerStartError
from grader.judge.compiled_facts import FactsBlock
from grader.judge.dialogue import Dialogue
from grader.protocol.frames import (
    Channel,
    DeadlineExpired,
    Message,
    PeerClosed,
    ProtocolViolation,
)
from grader.sandbox.processes import descendant

START_DEADLINE_S = 120.0

# How long the judge tries to send a request.
_SEND_S = 10

# How long a process that closed its socket may take to end by itself, and the supervisor to end
# all that descends from it: a process with much GPU memory takes a while.
_EXIT_S = 10.0
_END_S = 20.0

# A submission may print; one that prints more than this is ended.
MOST_OUTPUT_BYTES = 16 * 1024 * 1024
_KEPT_OUTPUT_BYTES = 16 * 1024


class WorkerDied(Exception):
    """The process ended, or was ended, before it answered.

    Attributes:
        cause: ``"timeout"``, ``"output"``, ``"protocol"``, ``"signal"`` or ``"exit"``.
        code: Exit code or signal number, where one applies.
        trace: Traceback that the process wrote at the end, if it could.
        detail: What was wrong with the frame, for ``"protocol"``.
    """

    def __init__(self, cause: str, code: int = 0, trace: str = "", detail: str = "") -> None:
        super().__init__(f"worker ended: {cause} {code} {detail}".rstrip())
        self.cause = cause
        self.code = code
        self.trace = trace
        self.detail = detail


def death_of(end: Exception) -> WorkerDied:
    """The end of a worker that answered, or did not, in a way that ends it."""
    return end if isinstance(end, WorkerDied) else WorkerDied("protocol", detail=str(end))


class WorkerProcess:
    """A running worker of one tier; used by one session, from one thread.

    Attributes:
        tier: How it runs kernels: ``"interpreted"`` or ``"compiled"``.
        gradients: Whether it is ready for gradients from the start.
        room: The judge's folder for it.
    """

    def __init__(self, tier: str, gradients: bool = False) -> None:
        """Start the process; returns at once, ``wait_until_ready`` waits for it.

        Args:
            tier: ``"interpreted"`` or ``"compiled"``.
            gradients: Whether gradients will be asked for: what torch imports at the first one
                is then imported while nobody waits.

        Raises:
            OSError: The system has no memory, descriptor or room for it; nothing is left behind.
        """
        self.tier = tier
        self.gradients = gradients
        self._sandbox = sandbox.probe()
        with contextlib.ExitStack() as undone, contextlib.ExitStack() as handed_over:
            self.room = sandbox.Room()
            undone.callback(self.room.close)
            self._facts = FactsBlock()
            undone.callback(self._facts.close)
            ours, theirs = socket.socketpair()
            undone.callback(ours.close)
            handed_over.callback(theirs.close)
            # A worker that answers without reading must not block the judge for good.
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("@ll", _SEND_S, 0))
            trace_read, trace_write = os.pipe()
            undone.callback(os.close, trace_read)
            handed_over.callback(os.close, trace_write)
            judge = os.pidfd_open(os.getpid())
            handed_over.callback(os.close, judge)
            passed = (theirs.fileno(), trace_write, self._facts.descriptor)
            launch = self._sandbox.worker(self.room, tier, judge, passed)
            self._process = _started(launch, self.room.path, (judge, *passed))
            undone.callback(self._process.kill)
            self._ended = os.pidfd_open(self._process.pid)  # readable from its end on
            undone.pop_all()  # nothing went wrong
        self._dialogue = Dialogue(Channel(ours, self._ended))
        self._output = _Drain(self._process.stdout, MOST_OUTPUT_BYTES, self._begin_end)
        self._trace = _Drain(os.fdopen(trace_read, "rb"), MOST_OUTPUT_BYTES, self._begin_end)
        with contextlib.suppress(PeerClosed):  # whoever waits for it is told why it ended
            self._dialogue.send({"tier": tier, "gradients": gradients})

    @property
    def pid(self) -> int:
        """Process id of the supervisor, which is also the id of its group."""
        return self._process.pid

    @property
    def worker_pid(self) -> int | None:
        """Process id, as the judge sees it, of the process that runs the submission."""
        return descendant(self._process.pid, self._sandbox.layers)

    def place(self, name: str, content: bytes) -> Path:
        """Hand a file over; returns its path as the worker sees it."""
        return self._sandbox.path(self.room, self.room.place(name, content))

    def remember(self, file: Path | None) -> None:
        """Give the worker the facts of compiled kernels that a file holds; keep them there."""
        self._facts.load(file)

    def wait_until_ready(self) -> Message:
        """Wait for the worker to be up; returns its description of itself.

        Raises:
            WorkerStartError: It did not come up; says what it printed.
        """
        try:
            return self.request(None, START_DEADLINE_S)
        except WorkerDied as death:
            printed = (self._output.text() + death.trace).strip()
            raise WorkerStartError(_did_not_start(str(death), printed)) from death

    def request(
        self, message: Message | None, deadline_s: float, descriptors: Sequence[int] = ()
    ) -> Message:
        """Send a request and wait for its answer.

        Raises:
            WorkerDied: No proper answer came in time; the process is gone now.
        """
        try:
            if message is not None:
                self._dialogue.send(message, descriptors)
            return self._dialogue.receive(deadline_s)
        except DeadlineExpired as error:
            raise self._end("timeout") from error
        except ProtocolViolation as error:
            raise self._end("protocol", detail=str(error)) from error
        except PeerClosed as error:
            raise self._end("exit") from error

    def close(self) -> None:
        """End all its processes, wait for them, and remove its folder."""
        self._end_all()
        self._dialogue.close()
        self._output.finish()
        self._trace.finish()
        self._facts.close()
        self.room.close()
        if self._ended >= 0:
            os.close(self._ended)
            self._ended = -1

    def _end(self, cause: str, detail: str = "") -> WorkerDied:
        # When the socket closes the process is about to end by itself, and how it does is the
        # diagnosis. One that only closed the socket is ended by us.
        if cause == "exit" and not self._ends_by_itself(_EXIT_S):
            cause, detail = "protocol", "the channel was closed"
        code = self._end_all()
        self._output.finish()  # what it printed last may not have been read yet
        trace = self._trace.finish()
        if self._output.exceeded or self._trace.exceeded:
            cause = "output"
        elif cause == "exit" and code < 0:
            cause, code = "signal", -code
        return WorkerDied(cause, code, trace, detail)

    def _ends_by_itself(self, limit_s: float) -> bool:
        """Wait for the end without reaping: until then the group's id is nobody else's."""
        ended = select.poll()
        ended.register(self._ended, select.POLLIN)
        return bool(ended.poll(limit_s * 1000))

    def _begin_end(self) -> None:
        """Have the supervisor end everything."""
        if self._process.returncode is None:  # else reaped, and the id may be a stranger's by now
            self._process.send_signal(signal.SIGTERM)

    def _end_all(self) -> int:
        """End everything and wait for it; returns the exit code, negative for a signal.

        A supervisor that does not react is killed with its group: where a worker is not
        confined it could have been stopped.
        """
        self._begin_end()
        if self._process.returncode is None and not self._ends_by_itself(_END_S):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        return self._process.wait()


class _Drain:
    """Reads a pipe to its end in the background, keeping the last part of it."""

    def __init__(self, pipe: IO[bytes] | None, limit: int, on_excess: Callable[[], None]) -> None:
        assert pipe is not None
        self._pipe = pipe
        self._limit = limit
        self._on_excess = on_excess
        self._kept = bytearray()
        self.exceeded = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        total = 0
        with contextlib.suppress(OSError, ValueError):
            while chunk := os.read(self._pipe.fileno(), 1 << 16):
                total += len(chunk)
                self._kept = (self._kept + chunk)[-_KEPT_OUTPUT_BYTES:]
                if total > self._limit and not self.exceeded:
                    self.exceeded = True
                    self._on_excess()

    def text(self) -> str:
        """What was kept so far, control characters removed."""
        return printable(self._kept.decode(errors="replace"))

    def finish(self) -> str:
        """Wait for the end of the pipe, close it, and return what was kept.

        A grandchild that left the group may hold the pipe open; it is not waited for.
        """
        self._thread.join(timeout=1.0)
        if not self._thread.is_alive():
            self._pipe.close()
        return self.text()


def _started(
    launch: sandbox.Launch, folder: Path, passed: Sequence[int]
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        launch.command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=folder,
        env=launch.environment,
        pass_fds=passed,
        start_new_session=True,
    )


def _did_not_start(how: str, printed: str) -> str:
    if "out of memory" in printed.lower():
        return (
            "The worker process did not start: the GPU has no memory left for one more process. "
            "End what else uses it (`nvidia-smi` lists that), or grade fewer submissions at a time."
        )
    return (
        f"The worker process did not start ({how}). It printed:\n{printed or '(nothing)'}"
        "\nRun `course doctor` to see what this machine lacks."
    )


def printable(text: str) -> str:
    """Text without terminal escapes and control characters, newlines and tabs kept."""
    text = re.sub(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|.)", "", text)
    return "".join(char for char in text if char in "\n\t" or char.isprintable())


def traced_line(trace: str, file_name: str) -> int | None:
    """The innermost line of a file in the last traceback that faulthandler wrote."""
    last = re.split(r"^(?:Timeout \(|Fatal Python error)", trace, flags=re.MULTILINE)[-1]
    pattern = rf'File "[^"]*{re.escape(file_name)}", line (\d{{1,7}})\b'
    found = re.search(pattern, last)  # faulthandler lists the most recent call first
    return int(found[1]) if found else None
