"""Length-prefixed JSON frames over a Unix stream socket, with file descriptors alongside.

The judge reads frames that student code may have forged. So a frame is bounded in length,
must be a JSON object without descriptors, and every field is fetched through a function that
checks its type and its bounds; what does not fit raises ``ProtocolViolation`` and never anything
else.
"""

from __future__ import annotations

import json
import math
import select
import socket
import struct
import time
from collections.abc import Sequence
from typing import Any, TypeVar

# Some tens of thousands of values, which the judge parses in milliseconds. A worker shortens what
# it has seen until it fits.
MAX_FRAME_BYTES = 1 << 20
MAX_DESCRIPTORS = 2

# Sizes, counts and offsets are smaller: sums and products of a few stay exact, and any of them
# can become a float.
LARGEST = 1 << 62

_LENGTH = struct.Struct("!I")
_CHUNK_BYTES = 1 << 16

Message = dict[str, Any]
T = TypeVar("T")


class ProtocolViolation(Exception):
    """The peer sent something that no frame of this protocol looks like."""


class PeerClosed(Exception):
    """The peer closed its end, most likely because its process ended."""


class DeadlineExpired(Exception):
    """No complete frame arrived in time."""


class Channel:
    """One end of the connection between judge and worker."""

    def __init__(self, connection: socket.socket, process: int | None = None) -> None:
        """Take over a connected socket.

        Args:
            connection: The socket.
            process: pidfd of the peer's process. When that has ended the peer has closed, even
                if a process that it left behind still holds its end.
        """
        self._socket = connection
        self._ready = select.poll()  # unlike select(), takes any number of descriptor
        self._ready.register(connection, select.POLLIN)
        if process is not None:
            self._ready.register(process, select.POLLIN)

    def fileno(self) -> int:
        """The socket's file descriptor."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close this end; the peer sees ``PeerClosed``."""
        self._socket.close()

    def has_unread(self) -> bool:
        """Whether bytes lie in the channel already."""
        try:
            return bool(self._socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
        except (BlockingIOError, ConnectionResetError):
            return False

    def send(self, message: Message, descriptors: Sequence[int] = ()) -> None:
        """Send one frame, and duplicates of file descriptors with it.

        Raises:
            DeadlineExpired: The peer does not read, and the socket's time limit is over.
            PeerClosed: The peer no longer reads.
            ValueError: The message is larger than a frame may be.
        """
        body = json.dumps(message).encode()
        if len(body) > MAX_FRAME_BYTES:
            raise ValueError(f"frame of {len(body)} bytes; at most {MAX_FRAME_BYTES} are allowed")
        try:
            # Descriptors ride on the length prefix, which is too short to be sent in parts.
            socket.send_fds(self._socket, [_LENGTH.pack(len(body))], list(descriptors))
            self._socket.sendall(body)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise PeerClosed from error
        except BlockingIOError as error:  # the socket has a time limit for sending
            raise DeadlineExpired from error

    def receive(self, timeout_s: float | None = None) -> Message:
        """Receive one frame; descriptors that the peer attached never reach this process.

        Args:
            timeout_s: Longest wait for the whole frame in seconds; ``None`` waits forever.

        Raises:
            DeadlineExpired: It took longer.
            PeerClosed: The peer's end is closed, or its process has ended.
            ProtocolViolation: The bytes are no frame, or descriptors came with them.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        return self._body(self._read(_LENGTH.size, deadline), deadline)

    def receive_with_descriptors(self) -> tuple[Message, list[int]]:
        """Receive one frame and the descriptors that came with it; for the worker only."""
        try:
            prefix, descriptors, _, _ = socket.recv_fds(
                self._socket, _LENGTH.size, MAX_DESCRIPTORS, socket.MSG_WAITALL
            )
        except ConnectionResetError as error:
            raise PeerClosed from error
        if len(prefix) < _LENGTH.size:
            raise PeerClosed
        return self._body(prefix, None), descriptors

    def _body(self, prefix: bytes, deadline: float | None) -> Message:
        (length,) = _LENGTH.unpack(prefix)
        if length > MAX_FRAME_BYTES:
            raise ProtocolViolation(f"a frame claims {length} bytes; at most {MAX_FRAME_BYTES}")
        return parse(self._read(length, deadline))

    def _read(self, count: int, deadline: float | None) -> bytes:
        received = bytearray()
        while len(received) < count:
            self._wait(deadline)
            received += self._available(count - len(received))
        return bytes(received)

    def _wait(self, deadline: float | None) -> None:
        """Wait for bytes; those that a process sent before its end are there when it has ended."""
        remaining = None if deadline is None else deadline - time.monotonic()
        if remaining is not None and remaining <= 0:
            raise DeadlineExpired
        ready = self._ready.poll(None if remaining is None else remaining * 1000)
        if not ready:
            raise DeadlineExpired
        if all(descriptor != self._socket.fileno() for descriptor, _ in ready):
            raise PeerClosed

    def _available(self, count: int) -> bytes:
        try:
            # No room for descriptors: the kernel drops them and says so.
            received, _, flags, _ = self._socket.recvmsg(
                min(count, _CHUNK_BYTES), 0, socket.MSG_DONTWAIT
            )
        except ConnectionResetError as error:
            raise PeerClosed from error
        except BlockingIOError as error:  # out-of-band bytes: readable, and cannot be read
            raise ProtocolViolation("the channel holds what is no part of a frame") from error
        if flags & socket.MSG_CTRUNC:
            raise ProtocolViolation("a frame came with file descriptors")
        if not received:
            raise PeerClosed
        return received


def parse(body: bytes) -> Message:
    """Decode the body of a frame.

    Raises:
        ProtocolViolation: It is not a JSON object in UTF-8, or has a name twice.
    """
    try:
        message = json.loads(body, object_pairs_hook=_object)
    except (ValueError, RecursionError, MemoryError) as error:
        raise ProtocolViolation(f"a frame is not JSON: {error}") from error
    if not isinstance(message, dict):
        raise ProtocolViolation(f"a frame holds a {type(message).__name__}, not an object")
    return message


def _object(pairs: list[tuple[str, Any]]) -> Message:
    message = dict(pairs)
    if len(message) < len(pairs):
        raise ProtocolViolation("a frame has the same name twice")
    return message


def field(message: Message, name: str, kind: type[T]) -> T:
    """Fetch a field that must be there and be of that type (``bool`` is no ``int``).

    Raises:
        ProtocolViolation: It is absent or of another type.
    """
    value = message.get(name)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ProtocolViolation(
            f"field {name!r} should be {kind.__name__}, is {type(value).__name__}"
        )
    return value


def optional(message: Message, name: str, kind: type[T]) -> T | None:
    """Fetch a field that may be absent or null.

    Raises:
        ProtocolViolation: It is of another type.
    """
    return None if message.get(name) is None else field(message, name, kind)


def objects(message: Message, name: str, limit: int = 4096) -> list[Message]:
    """Fetch a list of objects of bounded length.

    Raises:
        ProtocolViolation: It is no such list.
    """
    values = field(message, name, list)
    if len(values) > limit or not all(isinstance(value, dict) for value in values):
        raise ProtocolViolation(f"field {name!r} should be a list of at most {limit} objects")
    return values


def integer(message: Message, name: str, low: int = 0, high: int = LARGEST) -> int:
    """Fetch an integer from ``low`` to ``high``, both included.

    Raises:
        ProtocolViolation: It is absent, of another type, or lies outside.
    """
    value = field(message, name, int)
    if not low <= value <= high:
        raise ProtocolViolation(f"field {name!r} should lie between {low} and {high}")
    return value


def number(message: Message, name: str, low: float = 0.0, high: float = float(LARGEST)) -> float:
    """Fetch a float from ``low`` to ``high``, both included; neither NaN nor infinite.

    Raises:
        ProtocolViolation: It is absent, of another type, or lies outside.
    """
    value = field(message, name, float)
    if not (math.isfinite(value) and low <= value <= high):
        raise ProtocolViolation(f"field {name!r} should lie between {low:g} and {high:g}")
    return value


def naturals(message: Message, name: str, limit: int = 64) -> tuple[int, ...]:
    """Fetch a short list of non-negative integers below 2**62.

    Raises:
        ProtocolViolation: It is no such list.
    """
    values = field(message, name, list)
    whole = all(type(value) is int and 0 <= value < LARGEST for value in values)
    if len(values) > limit or not whole:
        raise ProtocolViolation(f"field {name!r} should be at most {limit} natural numbers")
    return tuple(values)
