"""Workers in the hands of a test: the judge's side is the real one, the other answers as told."""

from __future__ import annotations

import json
import os
import socket
import struct
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

from grader.judge.dialogue import Dialogue
from grader.judge.process import WorkerDied, WorkerProcess
from grader.protocol.frames import Channel, Message
from tests.security import honest

# Writes whatever it likes to the worker's end of the socket instead of a reply, given the reply
# that an honest worker would send.
Attack = Callable[[socket.socket, Message], None]

_LENGTH = struct.Struct("!I")


def framed(body: bytes) -> bytes:
    """The bytes of a frame."""
    return _LENGTH.pack(len(body)) + body


def encoded(reply: Message) -> bytes:
    """The bytes of a frame that holds this reply."""
    return framed(json.dumps(reply).encode())


class Puppet(WorkerProcess):
    """A worker process in all but the process, and cheap enough to be ended thousands of times.

    Attributes:
        attacks: What is sent instead of the reply to an operation, on all puppets.
        alive: All that are not closed.
    """

    attacks: ClassVar[dict[str, Attack]] = {}
    alive: ClassVar[list[Puppet]] = []

    def __init__(self, tier: str, gradients: bool = False) -> None:
        self.tier = tier
        self.gradients = gradients
        ours, self.theirs = socket.socketpair()
        self._dialogue = Dialogue(_Answered(ours, self.answer))
        self._dialogue.send({"tier": tier})
        self.alive.append(self)

    def answer(self) -> None:
        """Read a request, and answer it honestly or not."""
        request, descriptors = Channel(self.theirs).receive_with_descriptors()
        for descriptor in descriptors:
            os.close(descriptor)
        operation = request.get("op", "ready")
        reply = honest.reply(request) | {"id": request["id"]}
        attack = self.attacks.get(operation)
        if attack is None:
            self.theirs.sendall(encoded(reply))
        else:
            with suppress(BrokenPipeError):
                attack(self.theirs, reply)

    def place(self, name: str, content: bytes) -> Path:
        return Path(name)

    def remember(self, file: Path | None) -> None:
        pass

    def close(self) -> None:
        if self in self.alive:
            self.alive.remove(self)
        self._dialogue.close()
        self.theirs.close()

    def _end(self, cause: str, detail: str = "") -> WorkerDied:
        if cause == "exit":  # as of a process that lives on
            cause, detail = "protocol", "the channel was closed"
        return WorkerDied(cause, detail=detail)


class _Answered(Channel):
    """A channel whose other end answers each message before anybody waits for it."""

    def __init__(self, connection: socket.socket, answer: Callable[[], None]) -> None:
        super().__init__(connection)
        self._answer = answer

    def send(self, message: Message, descriptors: Sequence[int] = ()) -> None:
        super().send(message, descriptors)
        self._answer()


# ------------------------------------------------------------- with a process

# Stands for the number of the request in a frame that was written down before.
PLACEHOLDER = "@" * 32

_SCRIPT = """
import json, os, struct, sys
control, attacks, replies = int(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
afterwards = sys.argv[4]

def read(count):
    received = b""
    while len(received) < count:
        chunk = os.read(control, count - len(received))
        if not chunk:
            os._exit(0)
        received += chunk
    return received

while True:
    request = json.loads(read(*struct.unpack("!I", read(4))))
    operation = request.get("op", "ready")
    if operation == "call":
        with open(attacks, "rb") as file:
            os.write(control, file.read().replace(b"@" * 32, request["id"].encode()))
        exec(afterwards)
    else:
        body = json.dumps(replies[operation] | {"id": request["id"]}).encode()
        os.write(control, struct.pack("!I", len(body)) + body)
"""


class Cheap:
    """Stands in for the sandbox: runs a script that answers, without importing torch.

    Attributes:
        attack: File that holds what is sent instead of the reply to a call.
    """

    layers = 0

    def __init__(self, folder: Path, afterwards: str = "") -> None:
        """Make the script.

        Args:
            folder: Where.
            afterwards: What it does when it has sent the attack.
        """
        self._afterwards = afterwards
        self.attack = folder / "attack"
        self._script = folder / "worker.py"
        self._script.write_text(_SCRIPT)

    def worker(self, room: Any, tier: str, judge: int, passed: Sequence[int]) -> Any:
        """The command that starts it."""
        replies = json.dumps(
            {name: honest.reply({"op": name}) for name in ("ready", "load", "output")}
        )
        command = [sys.executable, "-I", "-S", str(self._script), str(passed[0])]
        command += [str(self.attack), replies, self._afterwards]
        return SimpleNamespace(command=command, environment={})

    def path(self, room: Any, place: Path) -> Path:
        """Where it sees a file."""
        return place
