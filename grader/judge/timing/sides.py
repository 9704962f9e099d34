"""The two workers of a speed measurement: prepared alike, timed alike, by the judge's clock."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from grader.judge.invocation import Scenario
from grader.judge.session import Session
from grader.protocol.frames import Message, ProtocolViolation, field
from grader.protocol.tensors import dtype_name

PREPARE_DEADLINE_S = 120.0
BATCH_DEADLINE_S = 30.0


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
    """

    calls: int
    wall_s: float
    events_s: float
    own_tensors: bool
    samples: tuple[torch.Tensor, ...]
    overhead_s: float = 0.0

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
        reply = self._session.ask(self.function, request, PREPARE_DEADLINE_S)
        return max(1e-7, _seconds(reply, "seconds_per_call"))

    def arm(self, calls: int, seed: int) -> None:
        """Announce the next batch: how many calls, and what is written before each."""
        request: Message = {"op": "arm", "calls": calls, "seed": seed}
        self._session.ask(self.function, request, BATCH_DEADLINE_S)

    def go(self, calls: int, samples: Sequence[Sample]) -> Batch:
        """Run the armed batch and time it.

        Args:
            calls: How many calls it has.
            samples: What to bring back of each tensor that the last call returns.
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
            "deadline_s": BATCH_DEADLINE_S,
        }
        start = time.perf_counter()
        reply = self._session.ask(self.function, request, BATCH_DEADLINE_S, descriptors)
        copied = target.clone()
        wall_s = time.perf_counter() - start
        own = reply.get("plain") is True and reply.get("fresh") is True
        parts = torch.split(copied, [len(sample.index) for sample in samples])
        return Batch(calls, wall_s, _seconds(reply, "events_s"), own, tuple(parts))


def _seconds(reply: Message, name: str) -> float:
    try:
        return field(reply, name, float)
    except ProtocolViolation:
        return 0.0
