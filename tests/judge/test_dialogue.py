"""A reply counts only if it answers the request before it."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from grader.judge.dialogue import Dialogue
from grader.protocol.frames import Channel, Message, PeerClosed, ProtocolViolation

SOON = 5.0


@pytest.fixture
def ends() -> Iterator[tuple[Dialogue, Channel]]:
    """The judge's end, and the worker's."""
    ours, theirs = socket.socketpair()
    dialogue, worker = Dialogue(Channel(ours)), Channel(theirs)
    yield dialogue, worker
    dialogue.close()
    worker.close()


def asked(dialogue: Dialogue, worker: Channel) -> Message:
    """A request as it arrives."""
    dialogue.send({"op": "call"})
    return worker.receive(SOON)


def test_a_reply_repeats_the_number_of_its_request(ends: tuple[Dialogue, Channel]) -> None:
    dialogue, worker = ends
    request = asked(dialogue, worker)
    assert request["op"] == "call"
    worker.send({"a": 1, "id": request["id"]})
    assert dialogue.receive(SOON) == {"a": 1}


def test_no_two_requests_have_the_same_number(ends: tuple[Dialogue, Channel]) -> None:
    dialogue, worker = ends
    numbers = {asked(dialogue, worker)["id"] for _ in range(100)}
    assert len(numbers) == 100
    assert {len(number) for number in numbers} == {32}


@pytest.mark.parametrize("number", [None, 0, "", "0" * 32, ["x"], {}])
def test_a_reply_with_another_number_is_refused(
    ends: tuple[Dialogue, Channel], number: object
) -> None:
    dialogue, worker = ends
    asked(dialogue, worker)
    worker.send({"a": 1, "id": number})
    with pytest.raises(ProtocolViolation, match="number"):
        dialogue.receive(SOON)


def test_the_number_of_an_earlier_request_is_another(ends: tuple[Dialogue, Channel]) -> None:
    dialogue, worker = ends
    first = asked(dialogue, worker)
    worker.send({"id": first["id"]})
    dialogue.receive(SOON)
    asked(dialogue, worker)
    worker.send({"id": first["id"]})
    with pytest.raises(ProtocolViolation):
        dialogue.receive(SOON)


def test_what_was_sent_before_a_request_is_refused(ends: tuple[Dialogue, Channel]) -> None:
    dialogue, worker = ends
    worker.send({"a": 1})
    with pytest.raises(ProtocolViolation, match="before"):
        dialogue.send({"op": "call"})


def test_a_second_reply_is_refused(ends: tuple[Dialogue, Channel]) -> None:
    dialogue, worker = ends
    request = asked(dialogue, worker)
    for _ in range(2):
        worker.send({"id": request["id"]})
    with pytest.raises(ProtocolViolation, match="more"):
        dialogue.receive(SOON)


def test_a_worker_that_is_gone_is_no_cheat(ends: tuple[Dialogue, Channel]) -> None:
    dialogue, worker = ends
    worker.close()
    with pytest.raises(PeerClosed):
        dialogue.send({"op": "call"})
