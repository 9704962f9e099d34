"""The two workers of a speed measurement: prepared alike, timed alike, by the judge's clock."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from grader.judge import records
from grader.judge.invocation import Scenario
from grader.judge.replies import done
from grader.judge.session import Session
from grader.protocol.frames import Message, field, number, objects
from grader.protocol.tensors import dtype_name

PREPARE_DEADLINE_S = 120.0
BATCH_DEADLINE_S = 30.0

# No kernel launch is shorter; bounds the number of calls in a batch.
_SHORTEST_S = 1e-7


@dataclass(frozen=True)
class Sample:
    """A few elements of one returned tensor.

    Attributes:
        index: Flat indices; beyond the end they are counted from the start again.
        dtype: The dtype that the tensor must have.
    """

    index: list[int]
    dtype: torch.dtype


@dataclass(frozen=True)
class Batch:
    """One timed batch of calls.

    Attributes:
        calls: How many.
        wall_s: Seconds by the judge's clock, from *go* to the results in the judge's memory.
        events_s: Seconds by device events, as the worker says.
        own_tensors: Whether each call returned a plain tensor in memory of its own.
        samples: The elements asked for of each returned tensor, as float64.
        overhead_s: What of the wall time is the way to the worker and back.
        seen: What the worker tells of the last call, if that was audited.
    """

    calls: int
    wall_s: float
    events_s: float
    own_tensors: bool
    samples: tuple[torch.Tensor, ...]
    overhead_s: float = 0.0
    seen: Message | None = None

    @property
    def seconds_per_call(self) -> float:
        """Wall time of one call, the way to the worker and back taken off."""
        return max(self.wall_s - self.overhead_s, 1e-9) / self.calls


class Side:
    """A function in its worker, student's or baseline."""

    def __init__(
        self, session: Session, function: str, inputs: str, scenario: Scenario | None = None
    ) -> None:
        """Name what is timed.

        Args:
            session: Where it runs.
            function: A function of what the session has loaded.
            inputs: Function of the lesson's reference that makes one input set.
            scenario: What runs around the function.
        """
        self._session = session
        self._inputs = inputs
        self._scenario = scenario
        self.function = function

    def prepare(self, reference: str, seed: int, rings: int) -> float:
        """Make the input sets in the worker and warm up; returns seconds per call.

        Args:
            reference: Text of the lesson's ``reference.py``.
            seed: Seed of the first set.
            rings: Number of sets.
        """
        request: Message = {
            "op": "prepare",
            "function": self.function,
            "scenario": self._session.scenario_request(self._scenario),
            "reference": str(self._session.place("course_reference.py", reference)),
            "inputs": self._inputs,
            "seed": seed,
            "rings": rings,
            "deadline_s": PREPARE_DEADLINE_S,
        }
        return self._session.ask(self.function, request, PREPARE_DEADLINE_S, _seconds_per_call)

    def arm(self, calls: int, seed: int) -> None:
        """Announce the next batch: how many calls, and what is written before each."""
        request: Message = {"op": "arm", "calls": calls, "seed": seed}
        self._session.ask(self.function, request, BATCH_DEADLINE_S, done("armed"))

    def go(self, calls: int, samples: Sequence[Sample], audit: bool = False) -> Batch:
        """Run the armed batch and time it.

        Args:
            calls: How many calls it has.
            samples: What to bring back of each tensor that the last call returns.
            audit: Whether the last call is audited, which takes time.
        """
        nbytes = sum(len(sample.index) for sample in samples) * torch.float64.itemsize
        slot, names, descriptors = self._session.output_slot(nbytes)
        target = slot.bytes(0, nbytes).view(torch.float64)
        target.zero_()
        request: Message = {
            "op": "go",
            "samples": [
                {"index": sample.index, "dtype": dtype_name(sample.dtype)} for sample in samples
            ],
            "slots": names,
            "audit": audit,
            "deadline_s": BATCH_DEADLINE_S,
        }
        start = time.perf_counter()
        read = _audited_reply if audit else _reply
        own, events_s, seen = self._session.ask(
            self.function, request, BATCH_DEADLINE_S, read, descriptors
        )
        copied = target.clone()
        wall_s = time.perf_counter() - start
        parts = torch.split(copied, [len(sample.index) for sample in samples])
        return Batch(calls, wall_s, events_s, own, tuple(parts), seen=seen)


def _reply(reply: Message) -> tuple[bool, float, Message | None]:
    plain, fresh = field(reply, "plain", bool), field(reply, "fresh", bool)
    return plain and fresh, number(reply, "events_s", 0.0, BATCH_DEADLINE_S), None


def _audited_reply(reply: Message) -> tuple[bool, float, Message | None]:
    launches = objects(reply, "launches", records.MOST_LAUNCHES)
    own, events_s, _ = _reply(reply)
    seen: Message = {
        "launches": [records.launch(one) for one in launches],
        "audit": records.audit(field(reply, "audit", dict)),
    }
    return own, events_s, seen


def _seconds_per_call(reply: Message) -> float:
    """By device events; a first guess at the length of a batch."""
    return max(_SHORTEST_S, number(reply, "seconds_per_call", 0.0, PREPARE_DEADLINE_S))
