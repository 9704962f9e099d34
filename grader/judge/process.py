"""One worker process from start to end: deadlines, output limits, and why it ended.

The process leads its own group and is killed with it. Its standard output and error are
drained, so that a chatty submission cannot block itself or fill the judge's memory.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

from grader import sandbox
from grader.errors import WorkerStartError
from grader.protocol.frames import (
    Channel,
    DeadlineExpired,
    Message,
    PeerClosed,
    ProtocolViolation,
)

START_DEADLINE_S = 120.0

# How long the judge tries to send a request.
_SEND_S = 10

# How long a process that closed its socket may take to end by itself.
_EXIT_S = 10.0

# A submission may print; one that prints more than this is ended.
MOST_OUTPUT_BYTES = 16 * 1024 * 1024
_KEPT_OUTPUT_BYTES = 16 * 1024

_BOOT = Path(__file__).resolve().parents[1] / "worker" / "boot.py"


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


class WorkerProcess:
    """A running worker of one tier; used by one session, from one thread.

    Attributes:
        tier: How it runs kernels: ``"interpreted"`` or ``"compiled"``.
        scratch: Its working folder, the only one that is its own.
    """

    def __init__(self, tier: str) -> None:
        """Start the process; returns at once, ``wait_until_ready`` waits for it.

        Args:
            tier: ``"interpreted"`` or ``"compiled"``.
        """
        self.tier = tier
        self.scratch = Path(tempfile.mkdtemp(prefix="grade-"))
        ours, theirs = socket.socketpair()
        # A worker that answers without reading must not block the judge for good.
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("@ll", _SEND_S, 0))
        trace_read, trace_write = os.pipe()
        passed = (theirs.fileno(), trace_write)
        self._process = subprocess.Popen(
            sandbox.probe().command(_BOOT, tuple(map(str, passed))),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=self.scratch,
            env=sandbox.environment(self.scratch),
            pass_fds=passed,
            start_new_session=True,
        )
        theirs.close()
        os.close(trace_write)
        self._channel = Channel(ours)
        self._output = _Drain(self._process.stdout, MOST_OUTPUT_BYTES, self._kill_group)
        self._trace = _Drain(os.fdopen(trace_read, "rb"), MOST_OUTPUT_BYTES, self._kill_group)
        with contextlib.suppress(PeerClosed):  # whoever waits for it is told why it ended
            self._channel.send({"tier": tier})

    @property
    def pid(self) -> int:
        """Process id, which is also the id of its group."""
        return self._process.pid

    def wait_until_ready(self) -> Message:
        """Wait for the worker to be up; returns its description of itself.

        Raises:
            WorkerStartError: It did not come up; says what it printed.
        """
        try:
            return self.request(None, START_DEADLINE_S)
        except WorkerDied as death:
            printed = (self._output.text() + death.trace).strip()
            raise WorkerStartError(
                f"The worker process did not start ({death}). It printed:\n{printed or '(nothing)'}"
                "\nRun `course doctor` to see what this machine lacks."
            ) from death

    def request(
        self, message: Message | None, deadline_s: float, descriptors: Sequence[int] = ()
    ) -> Message:
        """Send a request and wait for its answer.

        Raises:
            WorkerDied: No proper answer came in time; the process is gone now.
        """
        try:
            if message is not None:
                self._channel.send(message, descriptors)
            return self._channel.receive(deadline_s)
        except DeadlineExpired as error:
            raise self._end("timeout") from error
        except ProtocolViolation as error:
            raise self._end("protocol", detail=str(error)) from error
        except PeerClosed as error:
            raise self._end("exit") from error

    def close(self) -> None:
        """Kill the whole group, wait for it, and remove the scratch folder."""
        self._kill_group()
        self._process.wait()
        self._channel.close()
        self._output.finish()
        self._trace.finish()
        try:
            shutil.rmtree(self.scratch, ignore_errors=True)
        except RecursionError:  # folders nested deeper than Python's stack
            subprocess.run(["rm", "-rf", "--", str(self.scratch)], capture_output=True)

    def _end(self, cause: str, detail: str = "") -> WorkerDied:
        # When the socket closes the process is about to end by itself, and how it does is the
        # diagnosis. One that only closed the socket is ended by us.
        if cause == "exit" and not self._ends_by_itself():
            cause, detail = "protocol", "the channel was closed"
        self._kill_group()
        code = self._process.wait()
        trace = self._trace.finish()
        if self._output.exceeded or self._trace.exceeded:
            cause = "output"
        elif cause == "exit" and code < 0:
            cause, code = "signal", -code
        return WorkerDied(cause, code, trace, detail)

    def _ends_by_itself(self) -> bool:
        """Wait for the end without reaping: until then the group's id is nobody else's."""
        descriptor = os.pidfd_open(self._process.pid)
        try:
            return bool(select.select([descriptor], [], [], _EXIT_S)[0])
        finally:
            os.close(descriptor)

    def _kill_group(self) -> None:
        if self._process.returncode is not None:
            return  # reaped, and killed before that: the id may belong to a stranger by now
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)


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
