"""A worker that answers as a test says, and a call into a session that has it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import pytest
import torch

from grader.judge.call import Call, Input
from grader.judge.invocation import Invocation
from grader.judge.session import Session
from grader.lesson import Function
from grader.protocol.frames import Message
from grader.results import Status
from grader.testing import Judged

DEADLINE_S = 8.0
X = torch.arange(4.0)
HEADER = {"dtype": "float32", "shape": [4], "strides": [1], "offset": 0}
RUN = {
    "result": {"tensor": HEADER, "device": "cpu"},
    "inputs_after": [HEADER | {"offset": 256}],
    "violations": [],
    "findings": [],
    "launches": [],
    "compiled": [],
}
REPLY = {"runs": [RUN, RUN | {"result": {"value": 1}, "inputs_after": [HEADER | {"offset": 512}]}],
         "nbytes": 768}  # fmt: skip
Answer = Message | Exception
ROOM = {"free_bytes": 0, "total_bytes": 0}  # as the host's memory is told
NEARLY_FULL = {"free_bytes": 40 << 30, "total_bytes": 141 << 30}
OUT_OF_MEMORY = {"error": {"type": "OutOfMemoryError", "message": "CUDA out of memory.", "line": 7}}


class Scripted:
    """A worker that answers as the test says; an answer that is an exception is raised.

    Attributes:
        always: What every worker of a test answers.
    """

    tier = "interpreted"
    gradients = False
    pid = 0
    always: ClassVar[dict[str, Answer]] = {}

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch
        self.answers: dict[str, Answer] = {
            "load": {"loaded": True},
            "call": REPLY,
            "output": {"written": True},
            "reserve": ROOM,
        }
        self.requests: list[Message] = []
        self.closed = False

    def wait_until_ready(self) -> Message:
        return {"ready": True, "device": "interpreter"}

    def place(self, name: str, content: bytes) -> Path:
        self.scratch.mkdir(exist_ok=True)
        (self.scratch / name).write_bytes(content)
        return self.scratch / name

    def remember(self, file: Path | None) -> None:
        self.remembers = file

    def request(
        self, message: Message, deadline_s: float, descriptors: Sequence[int] = ()
    ) -> Message:
        assert not self.closed
        assert len(descriptors) == len(message.get("slots", ()))
        self.requests.append(message | {"limit": deadline_s})
        answer = (self.answers | self.always)[message["op"]]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self) -> None:
        self.closed = True

    def asked(self, operation: str) -> list[Message]:
        return [message for message in self.requests if message["op"] == operation]


def call(session: Session, function: str = "f", x: torch.Tensor = X) -> Call:
    return session.call(Invocation(Function(function, ()), (x,), inputs=(Input("x", x),)))


def verdict(session: Session, function: str = "f") -> tuple[Status, str]:
    with pytest.raises(Judged) as judged:
        call(session, function)
    return judged.value.status, judged.value.diagnosis.kind
