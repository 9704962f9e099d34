"""The worker's part of a speed measurement: prepare a function, run batches of calls.

The judge's clock decides. What happens here between *go* and the reply is the timed region:
the writes, the calls, the wait for the device, and the copy of a few output elements to the
judge, chosen after *arm*, so that an answer which is not there yet cannot be in the reply.

Some batches, which the judge names only with *go* and does not time, end with a call that is
audited: on the same tensors, after the same writes, at a moment that nothing announces.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from grader.course_files import load_module
from grader.protocol.batches import WINDOW, as_written, plan_writes, written_tensor
from grader.protocol.data import Data
from grader.protocol.frames import Message, field, naturals, objects
from grader.protocol.slots import Slot
from grader.protocol.tensors import DTYPES
from grader.worker.audit import audited
from grader.worker.callers import Files
from grader.worker.calls import files_of
from grader.worker.loading import Shortage, graded_function, submission_code
from grader.worker.results import items_of
from grader.worker.tiers import compiled_launches

# Bound before any submission is loaded, so that replacing them in torch changes nothing here.
_synchronize = torch.cuda.synchronize
_Event: Any = torch.cuda.Event
_Tensor = torch.Tensor

_WARM_UP_ROUNDS = 3


class Bench:
    """One function with its rotating input sets, ready to be timed."""

    def __init__(
        self,
        function: Callable[..., Any],
        rings: list[tuple[Any, ...]],
        device: torch.device,
        files: Files,
    ) -> None:
        self._function = function
        self._files = files
        self._rings = rings
        self._device = device
        self._written = [written_tensor(ring) for ring in rings]
        self._windows: list[list[torch.Tensor]] = []
        self._place: list[int] = []
        self._values: tuple[torch.Tensor, ...] = ()
        # Outputs of the last two rounds stay alive: one that reappears among them is a buffer
        # that the submission hands out again.
        self._live: deque[Any] = deque(maxlen=2 * len(rings))

    def warm_up(self) -> float:
        """Compile, tune and fill caches; returns seconds per call by device events."""
        start, end = _timer(), _timer()
        with submission_code():
            for ring in self._rings * _WARM_UP_ROUNDS:
                self._live.append(self._function(*ring))
            _synchronize(self._device)
            start.record()
            for ring in self._rings * _WARM_UP_ROUNDS:
                self._live.append(self._function(*ring))
            end.record()
            _synchronize(self._device)
        return float(start.elapsed_time(end)) * 1e-3 / (_WARM_UP_ROUNDS * len(self._rings))

    def arm(self, seed: int, calls: int) -> None:
        """Lay out the writes of the next batch on the device, outside the timed region."""
        writes = plan_writes(seed, calls, self._written[0].numel())
        self._windows = [
            [flat[start : start + WINDOW] for start in writes.starts] for flat in self._written
        ]
        self._place = writes.place
        values = as_written(writes.values, self._written[0].dtype)
        self._values = values.to(self._device).unbind(0)
        _synchronize(self._device)

    def go(self, wanted: Sequence[Sample], audit: bool = False) -> Message:
        """Run the armed batch.

        Args:
            wanted: Elements of each tensor that the last call returned.
            audit: Whether to watch what the last call does; the batch is then not timed.

        Returns:
            Seconds by device events, whether the outputs were tensors of their own, and what was
            seen of the last call.
        """
        start, end = _timer(), _timer()
        calls = len(self._place)
        seen: Message = {}
        with submission_code():
            start.record()
            fresh = self._run(range(calls - audit))
            if audit:
                also, seen = self._run_audited(calls - 1)
                fresh = fresh and also
            end.record()
            _synchronize(self._device)
        outputs = _leaves(self._live[-1])
        plain = len(outputs) == len(wanted) and all(type(one) is _Tensor for one in outputs)
        if plain:
            for one, sample in zip(outputs, wanted, strict=True):
                sample.copy_from(one)
        seconds = float(start.elapsed_time(end)) * 1e-3
        return {"events_s": seconds, "plain": plain, "fresh": fresh and self._apart(), **seen}

    def _run(self, calls: range) -> bool:
        """Some calls of the batch, each after its write; whether no output is an earlier one."""
        rings, windows, count, fresh = self._rings, self._windows, len(self._rings), True
        for call in calls:
            turn = call % count
            windows[turn][self._place[call]].copy_(self._values[call])
            output = self._function(*rings[turn])
            fresh = fresh and all(output is not old for old in self._live)
            self._live.append(output)
        return fresh

    def _run_audited(self, call: int) -> tuple[bool, Message]:
        """One call of the batch, as ``_run`` has it, and what was seen of it."""
        given = self._rings[call % len(self._rings)]
        with (
            compiled_launches() as launches,
            audited(self._files, self._device, given, timed_later=True) as audit,
        ):
            fresh = self._run(range(call, call + 1))
            _synchronize(self._device)
        return fresh, {"launches": launches, "audit": audit.to_json()}

    def _apart(self) -> bool:
        """Whether all live outputs lie in memory of their own, and in no input's."""
        tensors = [leaf for output in self._live for leaf in _leaves(output) if _is_tensor(leaf)]
        inputs = {
            value.untyped_storage().data_ptr()
            for ring in self._rings
            for value in ring
            if _is_tensor(value)
        }
        outputs = [tensor.untyped_storage().data_ptr() for tensor in tensors]
        return len(set(outputs)) == len(outputs) and not inputs & set(outputs)


@dataclass(frozen=True)
class Sample:
    """Elements of one returned tensor that the judge asks for.

    Attributes:
        index: Flat indices.
        dtype: What the tensor must hold.
        target: Takes the elements, float64; host memory of the judge.
    """

    index: torch.Tensor
    dtype: torch.dtype
    target: torch.Tensor

    def copy_from(self, tensor: torch.Tensor) -> None:
        """Copy the elements; a tensor of another dtype is left out."""
        flat = tensor.reshape(-1)
        if flat.numel() and tensor.dtype == self.dtype:
            self.target.copy_(flat[self.index.to(tensor.device) % flat.numel()])


def samples_of(request: Message, slot: Slot) -> list[Sample]:
    """What the judge asks for of each returned tensor, one after another in its slot."""
    wanted, start = [], 0
    for asked in objects(request, "samples"):
        index = torch.tensor(naturals(asked, "index", limit=4096), dtype=torch.int64)
        nbytes = index.numel() * torch.float64.itemsize
        target = slot.bytes(start, nbytes).view(torch.float64)
        wanted.append(Sample(index, DTYPES[field(asked, "dtype", str)], target))
        start += nbytes
    return wanted


def _is_tensor(value: Any) -> bool:
    return isinstance(value, _Tensor)


def _leaves(output: Any) -> tuple[Any, ...]:
    items = items_of(output)
    return tuple(items) if items is not None else (output,)


def prepare(request: Message, module: ModuleType, device: torch.device) -> Bench:
    """Make the input sets that the judge asks for, and bind the function to them."""
    reference = load_module(Path(field(request, "reference", str)))
    maker = getattr(reference, field(request, "inputs", str))
    seed = field(request, "seed", int)
    count = field(request, "rings", int)
    try:
        rings = [maker(Data(seed + ring, device)) for ring in range(count)]
    except torch.OutOfMemoryError as error:
        raise Shortage(str(error)) from error
    return Bench(graded_function(request, module), rings, device, files_of(request, module))


def _timer() -> Any:
    return _Event(enable_timing=True)
