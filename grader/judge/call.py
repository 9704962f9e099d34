"""What came back from one call into the submission, decoded from frames that may be forged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from grader.judge.compiled import kernel_facts
from grader.judge.process import printable
from grader.protocol.frames import (
    Message,
    ProtocolViolation,
    field,
    objects,
    optional,
)
from grader.protocol.slots import Slot
from grader.protocol.tensors import Header, read


@dataclass(frozen=True)
class Input:
    """A tensor that the judge sent, as the submission's function names it."""

    name: str
    tensor: torch.Tensor


@dataclass(frozen=True)
class Returned:
    """A tensor that the submission returned, as the judge's private copy.

    Attributes:
        tensor: The elements, contiguous, where the judge computes.
        strides: Strides in elements that the returned tensor had.
        device: Device type that it lay on.
        input_index: Which input object it is, if it is one.
        input_memory: In which input's memory it lies, if it shares an input's memory.
        allocation: Which allocation of the submission it lies in, if it lies in one.
    """

    tensor: torch.Tensor
    strides: tuple[int, ...]
    device: str
    input_index: int | None
    input_memory: int | None
    allocation: int | None


@dataclass(frozen=True)
class Opaque:
    """A returned value that is no tensor, number or tuple of these; only its type is known."""

    type_name: str


Result = Returned | Opaque | bool | int | float | tuple["Result", ...] | None


@dataclass(frozen=True)
class Run:
    """One of the runs of a call.

    Attributes:
        result: What the function returned.
        inputs_after: The inputs' elements after the call, contiguous, in order.
        violations: Stores that hit a red zone, as the worker reports them.
        findings: Faulty accesses that the interpreter saw, as the worker reports them.
        launches: Kernels launched, in order, as the worker reports them.
        compiled: What compiling them for GPU targets gave, as the worker reports it.
    """

    result: Result
    inputs_after: tuple[torch.Tensor, ...]
    violations: tuple[Message, ...]
    findings: tuple[Message, ...]
    launches: tuple[Message, ...]
    compiled: tuple[Message, ...] = ()


@dataclass(frozen=True)
class Call:
    """One call with the same inputs, run more than once in differently poisoned memory.

    Attributes:
        function: Name of the submission's function.
        inputs: The tensors that it was given.
        runs: What each run gave.
        device: What it ran on, ``"interpreter"`` or a GPU's name.
        required_kernels: Kernels of the submission that the result must come from.
    """

    function: str
    inputs: tuple[Input, ...]
    runs: tuple[Run, ...]
    device: str
    required_kernels: tuple[str, ...] = ()

    @property
    def output(self) -> torch.Tensor:
        """The returned tensor of the first run, for tests that compare it themselves.

        Raises:
            TypeError: The function returned something else; ``check`` says so to students.
        """
        result = self.runs[0].result
        if not isinstance(result, Returned):
            raise TypeError(f"{self.function} returned {describe(result)}, not a tensor")
        return result.tensor

    @property
    def kernels(self) -> frozenset[str]:
        """Names of the kernels that every run launched."""
        names = [{str(launch.get("kernel")) for launch in run.launches} for run in self.runs]
        return frozenset(set.intersection(*names)) if names else frozenset()


def describe(result: Result) -> str:
    """A returned value in words."""
    match result:
        case Returned():
            return f"a tensor of shape {tuple(result.tensor.shape)}"
        case Opaque():
            return f"an object of type {result.type_name}"
        case tuple():
            return f"a tuple of {len(result)}"
        case _:
            return repr(result)


def decode_runs(reply: Message, slot: Slot, device: str = "cpu") -> tuple[Run, ...]:
    """Decode the runs of a reply, copying all tensors out of the slot.

    Args:
        reply: What the worker answered.
        slot: Where the elements are.
        device: Where the copies go.

    Raises:
        ProtocolViolation: The reply does not describe what the slot holds.
    """
    reader = _Reader(slot, device)
    return tuple(_decode_run(run, reader) for run in objects(reply, "runs"))


class _Reader:
    """Copies the tensors of one reply, which have no byte of the slot in common."""

    def __init__(self, slot: Slot, device: str) -> None:
        self._slot = slot
        self._device = device
        self._left = slot.capacity

    def read(self, header: Header) -> torch.Tensor:
        self._left -= header.nbytes
        if self._left < 0:
            raise ProtocolViolation("a reply describes more than its slot holds")
        return read(self._slot, header, self._device)


def _decode_run(run: Message, reader: _Reader) -> Run:
    after = [reader.read(Header.from_json(header)) for header in objects(run, "inputs_after")]
    return Run(
        result=_decode_result(field(run, "result", dict), reader, depth=0),
        inputs_after=tuple(after),
        violations=tuple(objects(run, "violations")),
        findings=tuple(objects(run, "findings")),
        launches=tuple(objects(run, "launches")),
        compiled=tuple(kernel_facts(kernel) for kernel in objects(run, "compiled")),
    )


def _decode_result(message: Message, reader: _Reader, depth: int) -> Result:
    if "tensor" in message:
        return _decode_returned(message, reader)
    if "items" in message:
        if depth > 2:
            raise ProtocolViolation("a result is nested too deep")
        items = objects(message, "items")
        return tuple(_decode_result(item, reader, depth + 1) for item in items)
    if "other" in message:
        return Opaque(printable(field(message, "other", str))[:80])
    value = message.get("value")
    if value is not None and not isinstance(value, bool | int | float):
        raise ProtocolViolation("a result is neither tensor, number nor None")
    return value


def _decode_returned(message: Message, reader: _Reader) -> Returned:
    header = Header.from_json(field(message, "tensor", dict))
    memory = optional(message, "memory", list) or [None, None]
    role, index = memory if len(memory) == 2 else (None, None)
    index = index if type(index) is int and index >= 0 else None
    return Returned(
        tensor=reader.read(header),
        strides=header.strides,
        device=field(message, "device", str)[:16],
        input_index=optional(message, "input", int),
        input_memory=index if role == "input" else None,
        allocation=index if role == "allocation" else None,
    )


def leaves(result: Result) -> Iterator[Result]:
    """All values of a result, tuples opened."""
    if isinstance(result, tuple):
        for item in result:
            yield from leaves(item)
    else:
        yield result
