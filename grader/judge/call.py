"""What came back from one call into the submission, decoded from frames that may be forged."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from grader.judge import records
from grader.judge.compiled import kernel_facts
from grader.protocol.frames import (
    Message,
    ProtocolViolation,
    field,
    integer,
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
        origin: Where its memory comes from, as the worker tells it; see ``provenance``.
    """

    tensor: torch.Tensor
    strides: tuple[int, ...]
    device: str
    input_index: int | None
    input_memory: int | None
    allocation: int | None
    origin: str | None = None


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
        audit: What the submission did beside launching kernels, as the worker reports it.
    """

    result: Result
    inputs_after: tuple[torch.Tensor, ...]
    violations: tuple[Message, ...]
    findings: tuple[Message, ...]
    launches: tuple[Message, ...]
    compiled: tuple[Message, ...] = ()
    audit: Message = dataclasses.field(default_factory=dict)


@dataclass(frozen=True)
class Call:
    """One call with the same inputs, run more than once in differently poisoned memory.

    Attributes:
        function: Name of the submission's function.
        inputs: The tensors that it was given.
        runs: What each run gave.
        device: What it ran on, ``"interpreter"`` or a GPU's name.
        required_kernels: Kernels of the submission that the result must come from.
        torch_operations: What this function may use of torch beyond what every one may.
        whole_tensors: Whether that may work on whole tensors; otherwise on totals and counts.
    """

    function: str
    inputs: tuple[Input, ...]
    runs: tuple[Run, ...]
    device: str
    required_kernels: tuple[str, ...] = ()
    torch_operations: tuple[str, ...] = ()
    whole_tensors: bool = False

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


# What an honest worker describes: see its ``calls``.
_MOST_ITEMS = 16
_DEEPEST = 2
_SMALLEST_NUMBER, _LARGEST_NUMBER = -(2**63), 2**64 - 1
_MOST_INPUTS = 4096
_ORIGINS = ("kernel", "torch", "foreign", "unseen")


def decode_runs(reply: Message, slot: Slot, device: str = "cpu") -> tuple[Run, ...]:
    """Decode the runs of a reply, copying all tensors out of the slot.

    Nothing is left to be decoded later: what comes out can be used without care.

    Args:
        reply: What the worker answered.
        slot: Where the elements are.
        device: Where the copies go.

    Raises:
        ProtocolViolation: The reply does not describe what the slot holds.
    """
    reader = _Reader(slot, device)
    return tuple(_decode_run(run, reader) for run in objects(reply, "runs"))


def require_complete(runs: Sequence[Run], asked: int, inputs: int) -> None:
    """See that a reply tells of all that was asked for.

    Args:
        runs: What it tells of.
        asked: How many runs there had to be.
        inputs: How many tensors the function was given.

    Raises:
        ProtocolViolation: It tells of others.
    """
    if len(runs) != asked or any(len(run.inputs_after) != inputs for run in runs):
        raise ProtocolViolation("a reply tells of other runs or inputs than there were")


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
        violations=tuple(map(records.violation, objects(run, "violations", records.MOST_NOTES))),
        findings=tuple(map(records.finding, objects(run, "findings", records.MOST_NOTES))),
        launches=tuple(map(records.launch, objects(run, "launches", records.MOST_LAUNCHES))),
        compiled=tuple(map(kernel_facts, objects(run, "compiled", records.MOST_NOTES))),
        audit=records.audit(optional(run, "audit", dict) or {}),
    )


def _decode_result(message: Message, reader: _Reader, depth: int) -> Result:
    if "tensor" in message:
        return _decode_returned(message, reader)
    if "items" in message:
        if depth >= _DEEPEST:
            raise ProtocolViolation("a result is nested too deep")
        items = objects(message, "items", _MOST_ITEMS)
        return tuple(_decode_result(item, reader, depth + 1) for item in items)
    if "other" in message:
        return Opaque(records.text(message, "other", 80))
    value = message.get("value")
    if value is None or isinstance(value, bool | float):
        return value
    return integer(message, "value", _SMALLEST_NUMBER, _LARGEST_NUMBER)


def _decode_returned(message: Message, reader: _Reader) -> Returned:
    header = Header.from_json(field(message, "tensor", dict))
    role, index = _memory(optional(message, "memory", list))
    origin = optional(message, "origin", str)
    if origin is not None and origin not in _ORIGINS:
        raise ProtocolViolation("memory comes from nowhere else")
    given = message.get("input") is not None
    return Returned(
        tensor=reader.read(header),
        strides=header.strides,
        device=records.text(message, "device", 16),
        input_index=integer(message, "input", 0, _MOST_INPUTS) if given else None,
        input_memory=index if role == "input" else None,
        allocation=index if role == "allocation" else None,
        origin=origin,
    )


def _memory(place: list[object] | None) -> tuple[object, int | None]:
    """Role and index of the guarded tensor in whose memory a result lies."""
    if place is None:
        return None, None
    if len(place) != 2 or place[0] not in ("input", "allocation"):
        raise ProtocolViolation("field 'memory' should name an input or an allocation")
    return place[0], integer({"memory": place[1]}, "memory")


def leaves(result: Result) -> Iterator[Result]:
    """All values of a result, tuples opened."""
    if isinstance(result, tuple):
        for item in result:
            yield from leaves(item)
    else:
        yield result
