"""What the runs of a call did beside giving a result, as the worker tells it.

Decoded from frames that may be forged. What it means for a result is ``provenance``'s business.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch

from grader.judge import records
from grader.judge.call import Call, Input
from grader.lesson import Function
from grader.protocol.frames import Message

# Elements that torch may work on where it is allowed totals and counts: in all, and for each row.
_FEW_ELEMENTS = 64
_A_ROW = 16


@dataclass(frozen=True)
class Operation:
    """An operation of torch that a line of the submission asked for.

    Attributes:
        name: As a lesson names it: ``"add"``, not ``"aten::add_"``.
        line: The line, where it is known.
        count: How often.
        elements: Of the largest tensor each time, in all.
    """

    name: str
    line: int | None
    count: int
    elements: int = 0


@dataclass(frozen=True)
class Start:
    """A thread or a process of the submission.

    Attributes:
        what: ``"thread"`` or ``"process"``.
        line: Where it was started or is at work, where that is known.
    """

    what: str
    line: int | None


@dataclass(frozen=True)
class Conduct:
    """What all runs of a call did.

    Attributes:
        function: Name of the submission's function.
        required_kernels: Kernels of the submission that the result must come from.
        torch_operations: What this function may use of torch beyond what every one may.
        most_elements: On how many elements these may work in one run; ``None``: on any number.
        launches: The kernels launched, run by run.
        audits: The notes beside them, run by run; an empty one tells of nothing.
    """

    function: str
    required_kernels: Collection[str]
    torch_operations: frozenset[str]
    launches: Sequence[Sequence[Message]]
    audits: Sequence[Message]
    most_elements: int | None = None

    @staticmethod
    def of(call: Call) -> Conduct:
        """That of a call whose result is judged."""
        return Conduct(
            call.function,
            call.required_kernels,
            frozenset(call.torch_operations),
            [run.launches for run in call.runs],
            [run.audit for run in call.runs],
            None if call.whole_tensors else _totals_of(call.inputs),
        )

    @staticmethod
    def told(function: Function, reply: Message) -> Conduct:
        """That of a single call, from a reply with the records of its launches and its audit."""
        return Conduct(
            function.name,
            function.required_kernels,
            frozenset(function.torch),
            [reply["launches"]],
            [reply["audit"]],
        )

    @property
    def operations(self) -> list[Operation]:
        """Operations of torch that the submission asked for.

        Raises:
            ProtocolViolation: The notes are forged; so for the other properties.
        """
        return [
            Operation(base_name(note["name"]), note["line"], note["count"], note["elements"])
            for note in self._notes("operations")
        ]

    @property
    def beside(self) -> set[str]:
        """Operations of torch that the course's code asked for."""
        return {base_name(name) for name in self._notes("beside")}

    @property
    def starts(self) -> list[Start]:
        """Threads and processes of the submission."""
        return [Start(note["what"], note["line"]) for note in self._notes("starts")]

    @property
    def kernels(self) -> list[set[str]]:
        """Names of the launched kernels, run by run."""
        return [{records.text(one, "kernel") for one in launches} for launches in self.launches]

    @property
    def device_kernels(self) -> set[str]:
        """What the GPU ran, by the names that its driver reports; empty on a CPU."""
        return set(self._notes("device_kernels"))

    @property
    def tampered(self) -> list[str]:
        """What of the worker's own code was replaced."""
        return [*self._notes("tampered")]

    @cached_property
    def _decoded(self) -> list[Message]:
        return [records.audit(audit) for audit in self.audits]

    def _notes(self, name: str) -> Sequence[Any]:
        return [note for audit in self._decoded for note in audit.get(name, ())]


def _totals_of(inputs: Collection[Input]) -> int:
    """How many elements totals and counts have to do with, generously.

    A few numbers for each row of the largest input, or half of it: what looks at each element
    of a long row even once is more. Each element of a vector is a row.
    """
    largest = max((given.tensor for given in inputs), key=torch.Tensor.numel, default=None)
    if largest is None:
        return _FEW_ELEMENTS
    rows = largest.shape[:-1].numel() if largest.dim() > 1 else largest.numel()
    return max(_FEW_ELEMENTS, _A_ROW * rows, largest.numel() // 2)


def base_name(name: str) -> str:
    """The name under which a lesson allows an operation: ``aten::add_`` is ``add``.

    Operations of other namespaces keep theirs, so that no lesson allows them by chance.
    """
    namespace, _, short = name.rpartition("::")
    if namespace not in ("aten", ""):
        return name
    for prefix in ("_foreach_", "_fused_"):
        short = short.removeprefix(prefix)
    return short.strip("_")
