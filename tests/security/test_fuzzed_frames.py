"""Whatever a worker sends instead of a reply is refused, and leaves nothing behind.

More than ten thousand frames go through the judge's own session, dialogue, channel and decoding:
honest replies with one thing wrong, bytes that are no reply, replies to other requests, and
descriptors that nobody asked for. One test, so that its count and its search for leaks hold on
however many processes the tests run.
"""

from __future__ import annotations

import gc
import json
import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from grader import sandbox
from grader.errors import WorkerStartError
from grader.judge import loaded_worker
from grader.judge.call import Input
from grader.judge.invocation import Invocation
from grader.judge.process import WorkerProcess
from grader.judge.session import Session
from grader.judge.timing.sides import Sample, Side
from grader.lesson import Function
from grader.protocol.frames import MAX_FRAME_BYTES, Message
from grader.results import Status
from grader.testing import Judged
from tests.protocol.forgery import json_values
from tests.security import honest
from tests.security.puppets import PLACEHOLDER, Attack, Cheap, Puppet, encoded, framed

FRAMES = 10_000
X = torch.arange(4.0)
CALL = Invocation(Function("f", ()), (X,), inputs=(Input("x", X),))

# Always the same frames, and as many in an example as make its own cost small. A frame that gets
# through is told as it is: to shorten it would take minutes.
fuzzed = settings(
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
BATCH = 10


class Court:
    """Sends forged replies through the judge and counts what came of them."""

    def __init__(self) -> None:
        self.judged = 0
        self._session: Session | None = None

    def session(self) -> Session:
        """A session that lasts until one cannot go on."""
        if self._session is None:
            self._session = Session(b"", "lesson01", Puppet("interpreted"), 5.0)
        return self._session

    def close(self) -> None:
        """End the session."""
        Puppet.attacks.clear()
        if self._session is not None:
            self._session.close()
            self._session = None

    def verdict(self, operation: str, attack: Attack, ask: Callable[[Session], Any]) -> str:
        """What the judge says of a worker that answers an operation by an attack.

        Returns:
            ``"refused"`` if the worker was refused and ended, ``"taken"`` if its answer was taken.
        """
        self.judged += 1
        session = self.session()
        worker = session._worker.ready()
        Puppet.attacks[operation] = attack
        try:
            ask(session)
            return "taken"
        except Judged as found:
            judged = found
        finally:
            del Puppet.attacks[operation]
        assert (judged.status, judged.diagnosis.kind) == (Status.REFUSED, "malformed-frame")
        assert worker not in Puppet.alive
        return "refused"

    def require_refused(
        self, operation: str, attack: Attack, ask: Callable[[Session], Any]
    ) -> None:
        """See that the judge refuses an attack."""
        assert self.verdict(operation, attack, ask) == "refused"
        if operation == "load":  # whose verdict holds for the whole session
            self.close()


def call(session: Session) -> None:
    """Ask for a call and its output; see that its results can be used."""
    session.call(CALL)


def peak(session: Session) -> None:
    """Ask for the memory that a call takes."""
    session.peak_memory(CALL)


def time_it(session: Session) -> None:
    """Ask for a timed batch and an audited one."""
    side = Side(session, "f", "inputs")
    side.prepare("", 1, 2)
    side.arm(3, 1)
    sample = Sample([0, 1, 2], torch.float32)
    assert len(side.go(3, [sample, Sample([], torch.int8)]).samples) == 2
    side.go(3, [sample], audit=True)


ASKED: dict[str, Callable[[Session], Any]] = {
    "load": call,
    "call": call,
    "output": call,
    "peak": peak,
    "prepare": time_it,
    "arm": time_it,
    "go": time_it,
}


# ------------------------------------------------------- one field is wrong


ODD: tuple[Any, ...] = (
    None, True, False, -1, 0, 1.0, 2**63, -(2**63) - 1, 10**300, float("nan"), float("inf"), -1.0,
    1e300, "", "9", "\ud800", "\x1b[2J<script>", [], [[]], [None], [[[[[[]]]]]], {}, {"value": []},
    {"a": {"b": {"c": {}}}}, ["text", 1], [0] * 70, 2**40,
)  # fmt: skip
NAMES = ("tensor", "items", "value", "float32", "input", "cpu", "id")


class Forger:
    """Honest replies with one value of a kind that it must not have, drawn at random.

    Hypothesis draws the seed: to draw each value itself costs ten times what judging it does.
    """

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)

    def forged(self, reply: Message) -> Message:
        """A reply with one value replaced."""
        path = self.random.choice(list(honest.paths(reply)))
        rule = honest.rule_of(path)
        # What an exception says may be left out.
        lenient = path[0] == "error" and len(path) > 1
        while True:
            value = self.value()
            if not rule(value) and not (lenient and value is None):
                return honest.changed(reply, path, value)

    def value(self, depth: int = 0) -> Any:
        """Any JSON value, odd ones more often."""
        kind = self.random.randrange(8 if depth < 3 else 6)
        if kind < 4:
            return self.random.choice(ODD)
        if kind == 4:
            return self.random.choice((-1, 1)) * self.random.getrandbits(self.random.randrange(99))
        if kind == 5:
            return self.text()
        items = [self.value(depth + 1) for _ in range(self.random.randrange(4))]
        return items if kind == 6 else {self.text(): item for item in items}

    def text(self) -> str:
        """Some characters, or a name that means something here."""
        if self.random.random() < 0.5:
            return self.random.choice(NAMES)
        return "".join(chr(self.random.randrange(0x3000)) for _ in range(self.random.randrange(6)))


SEEDS = st.integers(0, 2**64 - 1)


def sent(reply: Message) -> Attack:
    """Answers with this, whatever was asked."""
    return lambda end, real: end.sendall(encoded(reply | {"id": real["id"]}))


# --------------------------------------------------- the whole reply is wrong

HUGE = 2**61


def with_run(**changes: Any) -> Message:
    """A reply to a call whose runs are changed alike."""
    run = honest.RUN | changes
    return honest.REPLIES["call"] | {"runs": [run, run]}


def with_header(**changes: Any) -> Message:
    """A reply to a call whose result is a tensor with another header."""
    return with_run(result=honest.RETURNED | {"tensor": honest.HEADER | changes})


def nested(depth: int) -> Message:
    result: Message = {"value": 1}
    for _ in range(depth):
        result = {"items": [result]}
    return result


WHOLE = [
    {},
    {"runs": []},
    {"loaded": True, "written": True, "armed": True},
    honest.REPLIES["call"] | {"runs": [honest.RUN]},
    honest.REPLIES["call"] | {"runs": [honest.RUN] * 3},
    with_run(inputs_after=[]),
    with_run(inputs_after=[honest.HEADER] * 2),
    with_run(result=nested(3)),
    with_run(result=nested(400)),
    with_run(result={"items": [{"value": 1}] * 17}),
    with_run(result={"items": [honest.RETURNED] * 400}),
    with_run(launches=[honest.LAUNCH] * 600),
    with_run(findings=[honest.FINDING] * 65),
    with_run(violations=[honest.VIOLATION] * 65),
    with_run(compiled=[honest.COMPILED] * 65),
    with_run(audit={"operations": []}),
    with_header(shape=[HUGE, HUGE]),
    with_header(shape=[0, HUGE, HUGE], strides=[1, 1, 1]),
    with_header(shape=[HUGE] * 64, strides=[1] * 64),
    with_header(shape=[1] * 65, strides=[1] * 65),
    with_header(shape=[5000]),
    with_header(shape=[5000], strides=[1]),
    with_header(offset=4090),
    with_header(offset=1),
    with_header(offset=2**62),
    with_header(shape=[2, 3, 1]),
]


# ------------------------------------------------------- the bytes are wrong


def truncated(end: socket.socket, frame: bytes, cut: int) -> None:
    """The first part of a frame, and no more ever."""
    end.sendall(frame[: cut % len(frame)])
    end.close()


def flipped(frame: bytes, bits: list[int]) -> bytes:
    """A frame with some bits turned."""
    changed = bytearray(frame)
    for bit in bits:
        changed[bit // 8 % len(frame)] ^= 1 << bit % 8
    return bytes(changed)


def is_frame_of(frame: bytes, number: str) -> bool:
    """Whether bytes are still one frame that answers the request of this number."""
    (length,) = struct.unpack("!I", frame[:4])
    with suppress(ValueError):
        body = json.loads(frame[4:])
        return length == len(frame) - 4 and isinstance(body, dict) and body.get("id") == number
    return False


def with_descriptors(end: socket.socket, frame: bytes, place: int, count: int) -> None:
    """A frame with files attached to one of its bytes."""
    at = place % len(frame)
    end.sendall(frame[:at])
    socket.send_fds(end, [frame[at:]], [end.fileno()] * count)


def out_of_band(end: socket.socket) -> None:
    """What cannot be read, but wakes whoever waits for something to read."""
    try:
        end.send(b"x", socket.MSG_OOB)
    except OSError:  # a system that knows no such thing
        end.close()


def misframed() -> st.SearchStrategy[Attack]:
    """Ways to answer with what is no reply to this request."""
    numbers = st.sampled_from([None, 0, "", "0" * 32, ["a"], {}, True]) | st.text(max_size=40)
    places = st.integers(0, 2**16)

    def other_number(number: Any) -> Attack:
        return lambda end, real: end.sendall(encoded(real | {"id": number}))

    return st.one_of(
        numbers.map(other_number),
        st.binary(max_size=80).map(lambda raw: lambda end, real: end.sendall(framed(raw))),
        st.binary(max_size=80).map(
            lambda raw: lambda end, real: (end.sendall(raw), end.close())[0]
        ),
        places.map(lambda cut: lambda end, real: truncated(end, encoded(real), cut)),
        st.binary(min_size=1, max_size=40).map(
            lambda more: lambda end, real: end.sendall(encoded(real) + more)
        ),
        st.just(lambda end, real: end.sendall(2 * encoded(real))),
        st.integers(MAX_FRAME_BYTES + 1, 2**32 - 1).map(
            lambda size: lambda end, real: end.sendall(struct.pack("!I", size))
        ),
        st.tuples(places, st.integers(1, 3)).map(
            lambda at: lambda end, real: with_descriptors(end, encoded(real), *at)
        ),
        st.sampled_from([b'{"a":', b"["]).map(
            lambda opening: lambda end, real: end.sendall(framed(opening * 10_000))
        ),
        st.just(lambda end, real: end.sendall(framed(b'{"a": ' + b"9" * 5000 + b"}"))),
        st.just(
            lambda end, real: end.sendall(
                framed(json.dumps(real).encode()[:-1] + b', "id": "%s"}' % real["id"].encode())
            )
        ),
        st.just(lambda end, real: out_of_band(end)),
    )


# ------------------------------------------------------------------ the runs


def fuzz_fields(court: Court) -> None:
    """Honest replies in which one value is of a kind that it must not have."""
    replies = [(name, reply) for name, reply in honest.REPLIES.items() if name in ASKED]
    replies += 4 * [("call", honest.REPLIES["call"])] + [("call", {"error": honest.ERROR})]

    @settings(fuzzed, max_examples=260)
    @given(SEEDS)
    def run(seed: int) -> None:
        forger = Forger(seed)
        for operation, reply in replies * 2:
            court.require_refused(operation, sent(forger.forged(reply)), ASKED[operation])

    run()


def fuzz_any_json(court: Court) -> None:
    """Any JSON object for an answer."""

    @settings(fuzzed, max_examples=30)
    @given(st.lists(st.dictionaries(st.text(max_size=4), json_values(), max_size=3),
                    min_size=BATCH, max_size=BATCH))  # fmt: skip
    def run(batch: list[Message]) -> None:
        for reply in batch:
            court.require_refused("call", sent(reply), call)

    run()


def fuzz_audits(court: Court) -> None:
    """What is told of an audited call between timed ones, with one value changed."""
    reply = honest.reply({"op": "go", "audit": True})

    @settings(fuzzed, max_examples=25)
    @given(SEEDS)
    def run(seed: int) -> None:
        forger = Forger(seed)
        for _ in range(2 * BATCH):
            court.require_refused("go", sent(forger.forged(reply)), time_audited)

    run()


def time_audited(session: Session) -> None:
    """Ask for an audited batch alone."""
    Side(session, "f", "inputs").go(3, [Sample([0], torch.float32)], audit=True)


def fuzz_whole_replies(court: Court) -> None:
    """Replies to a call that contradict the call, the slot or themselves."""
    for reply in WHOLE:
        court.require_refused("call", sent(reply), call)


def fuzz_frames(court: Court) -> None:
    """Bytes that are no reply to the request."""
    operations = st.sampled_from([name for name in ASKED if name != "load"])

    @settings(fuzzed, max_examples=240)
    @given(st.lists(st.tuples(operations, misframed()), min_size=BATCH, max_size=BATCH))
    def run(batch: list[tuple[str, Attack]]) -> None:
        for operation, attack in batch:
            court.require_refused(operation, attack, ASKED[operation])

    run()


def fuzz_bits(court: Court) -> None:
    """Honest replies with bits turned: refused, unless what is left is a reply still."""

    @settings(fuzzed, max_examples=80)
    @given(st.lists(st.lists(st.integers(0, 2**16), min_size=1, max_size=4), min_size=BATCH,
                    max_size=BATCH))  # fmt: skip
    def run(batch: list[list[int]]) -> None:
        for bits in batch:
            whole: list[bool] = []

            def attack(
                end: socket.socket, real: Message, bits: list[int] = bits, whole: list[bool] = whole
            ) -> None:
                frame = flipped(encoded(real), bits)
                whole.append(is_frame_of(frame, real["id"]))
                end.sendall(frame)
                end.shutdown(socket.SHUT_WR)  # nothing will complete it

            verdict = court.verdict("peak", attack, peak)
            assert verdict == "refused" or whole == [True]
            court.close()

    run()


def fuzz_early_replies(court: Court) -> None:
    """Replies that lie in the channel before anything is asked."""

    @settings(fuzzed, max_examples=20)
    @given(st.lists(st.sampled_from(sorted(honest.REPLIES)) | st.binary(min_size=1, max_size=40),
                    min_size=BATCH, max_size=BATCH))  # fmt: skip
    def run(batch: list[str | bytes]) -> None:
        for early in batch:
            call(court.session())
            worker: Any = court.session()._worker.ready()
            worker.theirs.sendall(early if isinstance(early, bytes) else
                                  encoded(honest.REPLIES[early] | {"id": "0" * 32}))  # fmt: skip
            with pytest.raises(Judged) as judged:
                call(court.session())
            assert judged.value.status is Status.REFUSED
            assert worker not in Puppet.alive
            court.judged += 1

    run()


def fuzz_processes(court: Court, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same with processes, which are ended each time."""
    cheap = Cheap(folder)
    monkeypatch.setattr(sandbox, "probe", lambda: cheap)
    monkeypatch.setattr(loaded_worker, "WorkerProcess", WorkerProcess)
    session = Session(b"", "lesson01", WorkerProcess("interpreted"), 20.0)
    reply = honest.REPLIES["call"]

    @settings(fuzzed, max_examples=25)
    @given(SEEDS)
    def run(seed: int) -> None:
        forger = Forger(seed)
        forged = [encoded(forger.forged(reply) | {"id": PLACEHOLDER}) for _ in range(6)]
        random = framed(forger.random.randbytes(60))
        for frame in (*forged, random, 2 * encoded(reply | {"id": PLACEHOLDER})):
            cheap.attack.write_bytes(frame)
            worker: Any = session._worker.ready()
            with pytest.raises(Judged) as judged:
                call(session)
            assert judged.value.status is Status.REFUSED
            assert worker._process.returncode is not None
            court.judged += 1

    try:
        run()
    finally:
        session.close()


# ----------------------------------------------------------------- the count


class Holdings:
    """What this process holds of the system's."""

    def __init__(self) -> None:
        gc.collect()
        self.files = sorted(_links())
        self.children = set(_children())
        self.threads = threading.active_count()
        with open("/proc/self/statm") as file:
            self.resident = int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")
        with open("/proc/self/maps") as file:
            self.slots = sum("memfd:" in line for line in file)


def _links() -> Iterator[str]:
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # the listing's own
            link = os.readlink(entry)
            yield link.partition(":")[0] if ":[" in link else link


def _children() -> Iterator[int]:
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if int(entry.read_text().rpartition(")")[2].split()[1]) == os.getpid():
                yield int(entry.parent.name)


MOST_GROWTH_BYTES = 64 * 2**20


@pytest.fixture
def court(monkeypatch: pytest.MonkeyPatch) -> Iterator[Court]:
    """A judge over puppets."""
    monkeypatch.setattr(loaded_worker, "WorkerProcess", Puppet)
    made = Court()
    yield made
    made.close()
    assert Puppet.alive == []


def test_ten_thousand_forged_frames_are_refused_and_leave_nothing_behind(
    court: Court, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = (fuzz_fields, fuzz_any_json, fuzz_audits, fuzz_whole_replies, fuzz_frames, fuzz_bits,
             fuzz_early_replies)  # fmt: skip
    fuzz_whole_replies(court)  # what is made once and kept is not leaked
    court.close()
    before = Holdings()
    for part in parts:
        part(court)
        court.close()
    fuzz_processes(court, tmp_path, monkeypatch)
    after = Holdings()
    assert court.judged >= FRAMES
    assert after.files == before.files
    assert after.children <= before.children
    assert (after.threads, after.slots) == (before.threads, before.slots)
    assert after.resident - before.resident < MOST_GROWTH_BYTES


def test_an_honest_worker_passes_all_that_forged_frames_go_through(court: Court) -> None:
    for ask in ASKED.values():
        ask(court.session())
    assert court.session()._worker.ready() in Puppet.alive


@pytest.mark.parametrize("reply", [{}, {"device": 5}, {"device": "x", "cuda": [1]}])
def test_a_worker_that_starts_with_nonsense_is_nobodys_fault(court: Court, reply: Message) -> None:
    Puppet.attacks["ready"] = sent(reply)
    with pytest.raises(WorkerStartError):
        court.session().describe()
