"""Requests and replies over a channel: each reply belongs to the request before it.

Student code shares a process with what answers. A request carries a number that nobody can
guess, and its reply must repeat it; so nothing that was written before a request can be taken
for the answer to it. Whoever reads the number during the call can only answer that very call,
and what comes behind the one reply that is due is refused.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from grader.protocol.frames import Channel, Message, ProtocolViolation

_ID = "id"
_ID_BYTES = 16


class Dialogue:
    """The judge's end of the connection to one worker; one request at a time."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._awaited: str | None = None

    def send(self, message: Message, descriptors: Sequence[int] = ()) -> None:
        """Send a request.

        Raises:
            DeadlineExpired: The worker does not read.
            PeerClosed: It no longer can.
            ProtocolViolation: Something came that no request asked for.
        """
        self._require_silence("something was sent before it was asked for")
        self._awaited = secrets.token_hex(_ID_BYTES)
        self._channel.send({**message, _ID: self._awaited}, descriptors)

    def receive(self, timeout_s: float) -> Message:
        """Wait for the reply to the request that was sent last.

        Raises:
            DeadlineExpired: It did not come in time.
            PeerClosed: The worker ended, or closed its end.
            ProtocolViolation: What came is no frame, no reply to this request, or more than one.
        """
        assert self._awaited is not None, "nothing was asked"
        reply = self._channel.receive(timeout_s)
        if reply.pop(_ID, None) != self._awaited:
            raise ProtocolViolation("a reply does not repeat the number of its request")
        self._awaited = None
        self._require_silence("more was sent than the reply")
        return reply

    def close(self) -> None:
        """Close the judge's end."""
        self._channel.close()

    def _require_silence(self, otherwise: str) -> None:
        if self._channel.has_unread():
            raise ProtocolViolation(otherwise)
