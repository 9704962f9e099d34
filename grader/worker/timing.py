"""The worker's part of a speed measurement: prepare a function, run batches of calls.

The judge's clock decides. What happens here between *go* and the reply is the timed region:
the writes, the calls, the wait for the device, and the copy of a few output elements to the
judge, chosen after *arm*, so that an answer which is not there yet cannot be in the reply.
"""

from __future__ import annotations

import importlib.util
from collections import deque
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from grader.protocol.batches import WINDOW, plan_writes, written_tensor
from grader.protocol.data import Data
from grader.protocol.frames import Message, field
from grader.protocol.slots import Slot
from grader.worker.loading import submission_code

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
    ) -> None:
        self._function = function
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
        values = writes.values.to(self._device).to(self._written[0].dtype)
        self._values = values.unbind(0)
        _synchronize(self._device)

    def go(self, samples: list[int], target: torch.Tensor) -> Message:
        """Run the armed batch.

        Args:
            samples: Flat indices into the last call's output.
            target: Takes these elements; host memory of the judge.

        Returns:
            Seconds by device events, and whether the outputs were tensors of their own.
        """
        start, end = _timer(), _timer()
        rings, windows, count = self._rings, self._windows, len(self._rings)
        fresh, output = True, None
        with submission_code():
            start.record()
            for call, (place, values) in enumerate(zip(self._place, self._values, strict=True)):
                turn = call % count
                windows[turn][place].copy_(values)
                output = self._function(*rings[turn])
                fresh = fresh and all(output is not old for old in self._live)
                self._live.append(output)
            end.record()
            _synchronize(self._device)
        plain = type(output) is _Tensor
        if plain:
            self._copy_samples(output, samples, target)
        seconds = float(start.elapsed_time(end)) * 1e-3
        return {"events_s": seconds, "plain": plain, "fresh": fresh and self._apart()}

    def _copy_samples(self, output: Any, samples: list[int], target: torch.Tensor) -> None:
        flat = output.reshape(-1)
        if flat.numel() and output.dtype == target.dtype:
            index = torch.tensor(samples, device=self._device) % flat.numel()
            target.copy_(flat[index])

    def _apart(self) -> bool:
        """Whether all live outputs lie in memory of their own, and in no input's."""
        tensors = [output for output in self._live if isinstance(output, _Tensor)]
        inputs = {
            value.untyped_storage().data_ptr()
            for ring in self._rings
            for value in ring
            if isinstance(value, _Tensor)
        }
        outputs = [tensor.untyped_storage().data_ptr() for tensor in tensors]
        return len(set(outputs)) == len(outputs) and not inputs & set(outputs)


def prepare(request: Message, module: ModuleType, device: torch.device) -> Bench:
    """Make the input sets that the judge asks for, and bind the function to them."""
    reference = _reference(Path(field(request, "reference", str)))
    maker = getattr(reference, field(request, "inputs", str))
    seed = field(request, "seed", int)
    rings = [maker(Data(seed + ring, device)) for ring in range(field(request, "rings", int))]
    return Bench(getattr(module, field(request, "function", str)), rings, device)


def target_view(slot: Slot, request: Message, count: int) -> torch.Tensor:
    """Where the samples of a batch go in the judge's slot."""
    from grader.protocol.tensors import DTYPES

    dtype = DTYPES[field(request, "dtype", str)]
    return slot.bytes(0, count * dtype.itemsize).view(dtype)


def _reference(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("_course_reference", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _timer() -> Any:
    return _Event(enable_timing=True)
