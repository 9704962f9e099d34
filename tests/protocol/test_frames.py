from __future__ import annotations

import contextlib
import fcntl
import json
import math
import os
import resource
import socket
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from grader.protocol.frames import (
    MAX_FRAME_BYTES,
    Channel,
    DeadlineExpired,
    Message,
    PeerClosed,
    ProtocolViolation,
    field,
    integer,
    naturals,
    number,
    objects,
    optional,
    parse,
)

Peer = tuple[Channel, socket.socket]

# An expired deadline: nothing that is not there yet is waited for.
AT_ONCE = 0.0
SOON = 5.0


def framed(body: bytes) -> bytes:
    return struct.pack("!I", len(body)) + body


# ------------------------------------------------------------------- frames


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"op": "call", "args": [{"tensor": 0}, {"value": None}], "deadline_s": 1.5},
        {"text": "ä \U0001f600 \0 \x1b[31m", "nested": {"list": [[], {}]}},
        {"big": 2**200, "negative": -1, "true": True},
        {"long": "x" * (MAX_FRAME_BYTES // 2)},
    ],
)
def test_a_message_arrives_as_it_was_sent(peer: Peer, message: Message) -> None:
    receiver, theirs = peer
    sender = Channel(theirs)
    sending = threading.Thread(target=sender.send, args=(message,))
    sending.start()
    assert receiver.receive(SOON) == message
    sending.join()


def test_frames_arrive_one_by_one_in_order(peer: Peer) -> None:
    receiver, theirs = peer
    for place in range(3):
        Channel(theirs).send({"number": place})
    assert [receiver.receive(SOON)["number"] for _ in range(3)] == [0, 1, 2]


def test_a_frame_may_arrive_byte_by_byte(peer: Peer) -> None:
    receiver, theirs = peer

    def drip() -> None:
        for byte in framed(b'{"a": 1}'):
            theirs.sendall(bytes([byte]))

    dripping = threading.Thread(target=drip)
    dripping.start()
    assert receiver.receive(SOON) == {"a": 1}
    dripping.join()


def test_numbers_that_json_has_no_word_for_arrive_too(peer: Peer) -> None:
    receiver, theirs = peer
    Channel(theirs).send({"values": [math.inf, -math.inf, math.nan]})
    high, low, none = receiver.receive(SOON)["values"]
    assert (high, low) == (math.inf, -math.inf)
    assert math.isnan(none)


def test_a_frame_of_the_greatest_length_is_accepted(peer: Peer) -> None:
    receiver, theirs = peer
    body = b'{"a": "' + b"x" * (MAX_FRAME_BYTES - 9) + b'"}'
    assert len(body) == MAX_FRAME_BYTES
    sending = threading.Thread(target=theirs.sendall, args=(framed(body),))
    sending.start()
    assert len(receiver.receive(SOON)["a"]) == MAX_FRAME_BYTES - 9
    sending.join()


@pytest.mark.parametrize("length", [MAX_FRAME_BYTES + 1, 2**31, 2**32 - 1])
def test_a_frame_longer_than_allowed_is_refused_before_it_is_read(peer: Peer, length: int) -> None:
    receiver, theirs = peer
    theirs.sendall(struct.pack("!I", length))
    with pytest.raises(ProtocolViolation, match=str(length)):
        receiver.receive(SOON)


def test_a_message_longer_than_a_frame_may_be_is_not_sent(peer: Peer) -> None:
    channel, theirs = peer
    with pytest.raises(ValueError, match="at most"):
        channel.send({"text": "x" * MAX_FRAME_BYTES})
    theirs.setblocking(False)
    with pytest.raises(BlockingIOError):
        theirs.recv(1)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"hello",
        b"{",
        b'{"a": 1} and more',
        b"\xff\xfe\xfd",
        b'{"a": "\xff"}',
        b'{"number": ' + b"9" * 5000 + b"}",
        "{}".encode("utf-32")[:-1],
    ],
    ids=repr,
)
def test_bytes_that_are_no_json_are_refused(body: bytes) -> None:
    with pytest.raises(ProtocolViolation, match="not JSON"):
        parse(body)


@pytest.mark.parametrize("body", [b"1", b"null", b"[]", b'"text"', b"true", b"NaN"])
def test_json_that_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(ProtocolViolation, match="not an object"):
        parse(body)


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_nesting_without_end_is_refused(opening: bytes, closing: bytes) -> None:
    depth = MAX_FRAME_BYTES // 8
    with pytest.raises(ProtocolViolation):
        parse(b'{"a":' + opening * depth + b"1" + closing * depth + b"}")


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=64))
@example(struct.pack("!I", 0))
@example(framed(b"[]"))
@example(framed(b'{"a": 1}'))
def test_any_bytes_give_a_frame_or_one_of_three_exceptions(sent: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(sent)
        theirs.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ProtocolViolation, PeerClosed, DeadlineExpired):
            assert isinstance(Channel(ours).receive(SOON), dict)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=64))
def test_any_body_is_an_object_or_refused(body: bytes) -> None:
    with contextlib.suppress(ProtocolViolation):
        assert isinstance(parse(body), dict)


# ------------------------------------------------------- deadlines and ends


@pytest.mark.parametrize("sent", [b"", b"\0", framed(b'{"a": 1}')[:-1]])
def test_no_complete_frame_in_time_is_an_expired_deadline(peer: Peer, sent: bytes) -> None:
    receiver, theirs = peer
    theirs.sendall(sent)
    with pytest.raises(DeadlineExpired):
        receiver.receive(0.01)


def test_a_deadline_of_nothing_expires_at_once(peer: Peer) -> None:
    receiver, _ = peer
    with pytest.raises(DeadlineExpired):
        receiver.receive(AT_ONCE)


@pytest.mark.parametrize("sent", [b"", b"\0\0", framed(b'{"a": 1}')[:-1]])
def test_a_closed_peer_is_noticed_in_the_middle_of_a_frame(peer: Peer, sent: bytes) -> None:
    receiver, theirs = peer
    theirs.sendall(sent)
    theirs.close()
    with pytest.raises(PeerClosed):
        receiver.receive(SOON)


@pytest.mark.parametrize("sent", [b"", b"\0\0"])
def test_the_worker_too_notices_a_closed_judge(peer: Peer, sent: bytes) -> None:
    receiver, theirs = peer
    theirs.sendall(sent)
    theirs.close()
    with pytest.raises(PeerClosed):
        receiver.receive_with_descriptors()


def test_sending_to_a_closed_peer_says_so(peer: Peer) -> None:
    channel, theirs = peer
    theirs.close()
    with pytest.raises(PeerClosed):
        channel.send({"a": 1})


def test_a_peer_that_never_reads_cannot_block_the_sender_for_good(peer: Peer) -> None:
    channel, theirs = peer
    ours = socket.socket(fileno=os.dup(channel.fileno()))
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("@ll", 0, 10_000))
    ours.close()
    with pytest.raises(DeadlineExpired):
        channel.send({"text": "x" * 1_000_000})  # more than the kernel buffers
    assert theirs.fileno() >= 0


def test_a_judge_with_thousands_of_open_files_can_still_receive(peer: Peer) -> None:
    channel, theirs = peer
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    try:
        high = Channel(socket.socket(fileno=fcntl.fcntl(channel, fcntl.F_DUPFD_CLOEXEC, 1500)))
        Channel(theirs).send({"a": 1})
        assert high.receive(SOON) == {"a": 1}
        high.close()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


# -------------------------------------------------------------- descriptors


def test_a_descriptor_arrives_as_a_duplicate_of_the_same_file(peer: Peer) -> None:
    channel, theirs = peer
    mine = os.memfd_create("mine")
    os.write(mine, b"in the file")
    channel.send({"op": "call"}, [mine])
    message, (received,) = Channel(theirs).receive_with_descriptors()
    assert message == {"op": "call"}
    assert received != mine
    assert os.pread(received, 20, 0) == b"in the file"
    os.close(mine)
    os.close(received)


@pytest.mark.parametrize("place", [0, 2, 4, 5])
def test_descriptors_for_the_judge_are_refused_and_never_arrive(peer: Peer, place: int) -> None:
    receiver, theirs = peer
    before = set(os.listdir("/proc/self/fd"))
    whole = framed(b"{}")
    theirs.sendall(whole[:place])
    socket.send_fds(theirs, [whole[place:]], [theirs.fileno()] * 2)
    with pytest.raises(ProtocolViolation, match="descriptors"):
        receiver.receive(SOON)
    assert set(os.listdir("/proc/self/fd")) == before


def test_bytes_out_of_band_are_refused_and_not_waited_for(peer: Peer) -> None:
    receiver, theirs = peer
    try:
        theirs.send(b"x", socket.MSG_OOB)
    except OSError:
        pytest.skip("this system knows none")
    with pytest.raises(ProtocolViolation):
        receiver.receive(SOON)


# ----------------------------------------------------------------- processes


@pytest.fixture
def ended() -> Iterator[int]:
    """pidfd of a process that has ended."""
    done = subprocess.Popen(["true"])
    handle = os.pidfd_open(done.pid)
    done.wait()
    yield handle
    os.close(handle)


def test_a_process_that_ended_has_closed_even_if_another_holds_its_end(ended: int) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(PeerClosed):
        Channel(ours, ended).receive()


def test_what_a_process_sent_before_its_end_is_received(ended: int) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        Channel(theirs).send({"a": 1})
        theirs.sendall(b"\0\0")
        channel = Channel(ours, ended)
        assert channel.receive() == {"a": 1}
        with pytest.raises(PeerClosed):
            channel.receive()


def test_a_channel_tells_whether_something_lies_in_it(peer: Peer) -> None:
    channel, theirs = peer
    assert not channel.has_unread()
    theirs.sendall(b"x")
    assert channel.has_unread()
    assert channel.has_unread()  # looking takes nothing out
    theirs.close()
    assert channel.has_unread()


def test_a_closed_channel_holds_nothing(peer: Peer) -> None:
    channel, theirs = peer
    theirs.close()
    assert not channel.has_unread()


# ------------------------------------------------------------------- fields


@pytest.mark.parametrize(
    ("kind", "right", "wrong"),
    [
        (int, [0, -1, 2**70], [True, False, 1.0, "1", None, [1]]),
        (float, [0.5, math.inf], [1, True, "0.5", None]),
        (str, ["", "text"], [1, None, ["text"]]),
        (bool, [True, False], [1, 0, "true", None]),
        (list, [[], [1]], [{}, "[]", None]),
        (dict, [{}, {"a": 1}], [[], "{}", None]),
    ],
)
def test_a_field_has_the_type_asked_for_or_is_refused(
    kind: type, right: list[Any], wrong: list[Any]
) -> None:
    for value in right:
        assert field({"name": value}, "name", kind) == value
    for value in wrong:
        with pytest.raises(ProtocolViolation, match="'name' should be"):
            field({"name": value}, "name", kind)


@pytest.mark.parametrize("value", [-1, 11, 2**70, True, 5.0, "5", None])
def test_an_integer_out_of_its_bounds_is_refused(value: Any) -> None:
    assert integer({"name": 10}, "name", 0, 10) == 10
    with pytest.raises(ProtocolViolation):
        integer({"name": value}, "name", 0, 10)


@pytest.mark.parametrize("value", [-0.1, 1.1, math.nan, math.inf, -math.inf, True, 1, "1.0", None])
def test_a_number_out_of_its_bounds_is_refused(value: Any) -> None:
    assert number({"name": 0.5}, "name", 0.0, 1.0) == 0.5
    with pytest.raises(ProtocolViolation):
        number({"name": value}, "name", 0.0, 1.0)


@pytest.mark.parametrize("body", [b'{"a": 1, "a": 2}', b'{"b": [{"a": 1, "a": 1}]}'])
def test_a_name_that_occurs_twice_is_refused(body: bytes) -> None:
    with pytest.raises(ProtocolViolation, match="twice"):
        parse(body)


def test_an_absent_field_is_refused() -> None:
    with pytest.raises(ProtocolViolation, match="'name' should be int, is NoneType"):
        field({}, "name", int)


def test_an_optional_field_may_be_absent_or_null_but_not_of_another_type() -> None:
    assert optional({}, "name", int) is None
    assert optional({"name": None}, "name", int) is None
    assert optional({"name": 3}, "name", int) == 3
    with pytest.raises(ProtocolViolation):
        optional({"name": "3"}, "name", int)


@pytest.mark.parametrize(
    ("reader", "values"),
    [
        (objects, [1]),
        (objects, [{}, None]),
        (objects, {}),
        (objects, [{}] * 4097),
        (naturals, [-1]),
        (naturals, [True]),
        (naturals, [1.0]),
        (naturals, [2**62]),
        (naturals, [0] * 65),
        (naturals, "12"),
        (naturals, None),
    ],
)
def test_a_list_of_anything_else_or_of_too_many_is_refused(
    reader: Callable[[Message, str], Any], values: Any
) -> None:
    with pytest.raises(ProtocolViolation):
        reader({"name": values}, "name")


def test_lists_within_their_limits_are_returned() -> None:
    assert objects({"name": [{}, {"a": 1}]}, "name") == [{}, {"a": 1}]
    assert naturals({"name": [0, 2**62 - 1]}, "name") == (0, 2**62 - 1)
    assert naturals(json.loads('{"name": []}'), "name") == ()
