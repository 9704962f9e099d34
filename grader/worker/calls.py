"""One call into the submission: inputs laid out, run twice, everything that came out described.

Each run gets its inputs anew, in memory poisoned differently. What comes out is copied while the
call is still watched, for afterwards a destructor of the submission could write to it, and stays
here until the judge sends a slot large enough for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from grader.protocol.frames import Message, field, objects, optional
from grader.protocol.slots import Slot, aligned
from grader.protocol.tensors import (
    DTYPES,
    MOST_DIMENSIONS,
    Header,
    compact,
    decode_argument,
    layout,
    span,
    write,
)
from grader.worker.audit import Audit, audited
from grader.worker.callers import Files
from grader.worker.loading import LONGEST_NAME, Shortage, graded_function, submission_code
from grader.worker.memory import RUNS, GuardedMemory, Poison
from grader.worker.results import items_of, no_collection
from grader.worker.tiers import Evidence, Tier


class Outcome:
    """What the runs of one call left behind, until it is written to the judge's slot."""

    def __init__(self) -> None:
        self.runs: list[Message] = []
        self.nbytes = 0
        self._pending: list[tuple[Header, torch.Tensor]] = []

    def keep(self, tensor: torch.Tensor, elements: torch.Tensor | None = None) -> Message:
        """Plan a place for a tensor; returns its header.

        Args:
            tensor: Tells shape, dtype and strides.
            elements: A copy that holds its elements; left out, the tensor does.
        """
        (header,), end = layout([tensor], self.nbytes)
        self.nbytes = aligned(end)
        self._pending.append((header, tensor if elements is None else elements))
        return header.to_json()

    def write(self, slot: Slot) -> None:
        """Copy all tensors to their places."""
        for header, tensor in self._pending:
            write(slot, header, tensor)


def execute(request: Message, module: Any, slot: Slot | None, tier: Tier) -> Outcome:
    """Run the requested function once per poison pattern.

    Raises:
        Shortage: The inputs do not fit.
        SubmissionRaised: Student code raised.
    """
    function = graded_function(request, module)
    headers = [Header.from_json(header) for header in objects(request, "tensors")]
    files = files_of(request, module)
    outcome = Outcome()
    for poison in RUNS[: field(request, "runs", int)]:
        outcome.runs.append(_run(request, function, files, headers, slot, tier, poison, outcome))
    return outcome


def files_of(request: Message, module: Any) -> Files:
    """Whose code lies in which file while a request is answered."""
    asked = optional(request, "scenario", dict) or {}
    return Files.of(module, [optional(asked, "path", str)])


def _run(
    request: Message,
    function: Callable[..., Any],
    files: Files,
    headers: Sequence[Header],
    slot: Slot | None,
    tier: Tier,
    poison: Poison,
    outcome: Outcome,
) -> Message:
    memory = GuardedMemory(tier.device, poison)
    with _memory_needed():
        inputs = _place(headers, slot, memory)
    args, kwargs = _arguments(request, inputs)
    guarded = field(request, "guarded", bool)
    with (
        tier.watch(memory, guarded) as evidence,
        audited(files, tier.device, inputs) as audit,
    ):
        with submission_code():
            result = function(*args, **kwargs)
            tier.finish()
        with no_collection():
            described = _describe(result, inputs, memory, audit, outcome, depth=0)
    return _describe_run(described, inputs, memory, evidence, audit, outcome)


def peak_memory(request: Message, module: Any, slot: Slot | None, tier: Tier) -> int:
    """Bytes that the requested call allocates at most beyond its inputs, unguarded."""
    function = graded_function(request, module)
    headers = [Header.from_json(header) for header in objects(request, "tensors")]
    with _memory_needed():
        inputs = _place(headers, slot, GuardedMemory(tier.device, RUNS[0]))
    args, kwargs = _arguments(request, inputs)
    with submission_code():
        function(*args, **kwargs)  # compile and tune first
        tier.finish()
    torch.cuda.reset_peak_memory_stats(tier.device)
    before = torch.cuda.memory_allocated(tier.device)
    with submission_code():
        function(*args, **kwargs)
        tier.finish()
    return torch.cuda.max_memory_allocated(tier.device) - before


def _arguments(
    request: Message, inputs: Sequence[torch.Tensor]
) -> tuple[list[Any], dict[str, Any]]:
    args = [decode_argument(value, inputs) for value in objects(request, "args")]
    named = field(request, "kwargs", dict)
    return args, {name: decode_argument(value, inputs) for name, value in named.items()}


def _place(
    headers: Sequence[Header], slot: Slot | None, memory: GuardedMemory
) -> list[torch.Tensor]:
    return [
        memory.place_input(_elements(slot, header), header.shape, header.strides)
        for header in headers
    ]


def reserve(sizes: Sequence[int], device: torch.device) -> tuple[int, int]:
    """See that memory of these sizes can be had all at once, and let go of it.

    Returns:
        Free bytes and all bytes of the GPU's memory; zeros for the host's, which the system may
        take back from caches, so that no number says what is free.

    Raises:
        Shortage: It cannot.
    """
    with _memory_needed():
        held = [torch.empty(nbytes, dtype=torch.uint8, device=device) for nbytes in sizes]
        del held
    if device.type != "cuda":
        return 0, 0
    torch.cuda.empty_cache()
    return torch.cuda.mem_get_info(device)


@contextmanager
def _memory_needed() -> Iterator[None]:
    """Around every reservation for the judge's inputs.

    Raises:
        Shortage: The machine has too little for them.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        # torch raises plain RuntimeError when the host's allocator says no.
        if isinstance(error, RuntimeError) and "memory" not in str(error):
            raise
        raise Shortage(str(error)) from error


def _elements(slot: Slot | None, header: Header) -> torch.Tensor:
    if header.nbytes == 0 or slot is None:
        return torch.empty(header.shape, dtype=header.dtype)
    return compact(slot, header)


def _describe_run(
    result: Message,
    inputs: Sequence[torch.Tensor],
    memory: GuardedMemory,
    evidence: Evidence,
    audit: Audit,
    outcome: Outcome,
) -> Message:
    return {
        "result": result,
        "inputs_after": [outcome.keep(tensor) for tensor in inputs],
        "violations": memory.violations(),
        "launches": evidence.launches,
        "findings": evidence.findings,
        "compiled": evidence.compiled,
        "audit": audit.to_json(),
    }


def _describe(
    value: Any,
    inputs: Sequence[torch.Tensor],
    memory: GuardedMemory,
    audit: Audit,
    outcome: Outcome,
    depth: int,
) -> Message:
    """A returned value as a tree of tensors, plain values and names of other types."""
    if _is_plain(value):
        tensor = value.detach()
        return {
            "tensor": outcome.keep(tensor, _copied(tensor)),
            "device": tensor.device.type,
            "input": next((n for n, given in enumerate(inputs) if given is value), None),
            "memory": memory.holder(tensor),
            "origin": audit.origins.of(tensor),
        }
    items = items_of(value) if depth < 2 else None
    if items is not None and len(items) <= 16:
        return {
            "items": [_describe(one, inputs, memory, audit, outcome, depth + 1) for one in items]
        }
    if value is None or type(value) in (float, bool) or _is_small_int(value):
        return {"value": value}
    return {"other": type(value).__name__[:LONGEST_NAME]}


def _copied(tensor: torch.Tensor) -> torch.Tensor:
    """The elements in memory of their own, on the same device; those that repeat, once.

    Raises:
        Shortage: There is no such memory.
    """
    with _memory_needed(), torch._C._DisableTorchDispatch():  # nobody notes or guards what is ours
        if tensor.nbytes <= tensor.untyped_storage().nbytes():
            return tensor.clone()
        flat = tensor.as_strided((span(tensor.shape, tensor.stride()),), (1,))
        return flat.clone().as_strided(tensor.shape, tensor.stride())


def _is_small_int(value: Any) -> bool:
    """Whether a value is an integer that JSON can be trusted with."""
    return type(value) is int and -(2**63) <= value < 2**64


def _is_plain(value: Any) -> bool:
    """Whether a value is a tensor that lies in memory; a subclass may run student code."""
    return (
        type(value) in (torch.Tensor, torch.nn.Parameter)
        and value.dtype in DTYPES.values()
        and value.dim() <= MOST_DIMENSIONS
        and value.layout == torch.strided
        and not (value.is_nested or value.is_meta)
        and _has_memory(value)
    )


def _has_memory(tensor: torch.Tensor) -> bool:
    """Whether a storage is as large as a tensor says; it can be made smaller."""
    last = tensor.storage_offset() + span(tensor.shape, tensor.stride())
    return tensor.numel() == 0 or last * tensor.itemsize <= tensor.untyped_storage().nbytes()
