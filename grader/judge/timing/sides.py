"""The two workers of a speed measurement: prepared alike, timed alike, by the judge's clock."""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch

from grader.judge.session import Session
from grader.protocol.frames import Message, ProtocolViolation, field
from grader.protocol.tensors import dtype_name

PREPARE_DEADLINE_S = 120.0
BATCH_DEADLINE_S = 30.0


@dataclass(frozen=True)
class Batch:
    """One timed batch of calls.

    Attributes:
        calls: How many.
        wall_s: Seconds by the judge's clock, from *go* to the results in the judge's memory.
        events_s: Seconds by device events, as the worker says.
        own_tensors: Whether each call returned a plain tensor in memory of its own.
        samples: The output elements asked for.
        overhead_s: What of the wall time is the way to the worker and back.
    """

    calls: int
    wall_s: float
    events_s: float
    own_tensors: bool
    samples: torch.Tensor
    overhead_s: float = 0.0

    @property
    def seconds_per_call(self) -> float:
        """Wall time of one call, the way to the worker and back taken off."""
        return max(self.wall_s - self.overhead_s, 1e-9) / self.calls


class Side:
    """A function in its worker, student's or baseline."""

    def __init__(self, session: Session, function: str) -> None:
        self._session = session
        self.function = function

    def prepare(self, reference: str, inputs: str, seed: int, rings: int) -> float:
        """Make the input sets in the worker and warm up; returns seconds per call.

        Args:
            reference: Text of the lesson's ``reference.py``.
            inputs: Its function that makes one input set.
            seed: Seed of the first set.
            rings: Number of sets.
        """
        request: Message = {
            "op": "prepare",
            "function": self.function,
            "reference": str(self._session.place("course_reference.py", reference)),
            "inputs": inputs,
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

    def go(self, calls: int, samples: list[int], dtype: torch.dtype) -> Batch:
        """Run the armed batch and time it."""
        nbytes = len(samples) * dtype.itemsize
        slot, names, descriptors = self._session.output_slot(nbytes)
        target = slot.bytes(0, nbytes).view(dtype)
        target.zero_()
        request: Message = {
            "op": "go",
            "samples": samples,
            "dtype": dtype_name(dtype),
            "slots": names,
            "deadline_s": BATCH_DEADLINE_S,
        }
        start = time.perf_counter()
        reply = self._session.ask(self.function, request, BATCH_DEADLINE_S, descriptors)
        copied = target.clone()
        wall_s = time.perf_counter() - start
        own = reply.get("plain") is True and reply.get("fresh") is True
        return Batch(calls, wall_s, _seconds(reply, "events_s"), own, copied)


def _seconds(reply: Message, name: str) -> float:
    try:
        return field(reply, name, float)
    except ProtocolViolation:
        return 0.0
