"""The verdict on memory traffic: bytes that a call moved against the fewest possible.

Counted by the interpreted worker, so it holds on any machine. It is evidence from beside the
student's code: worth few points, and a count below what any kernel must move is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from grader.judge import provenance, records
from grader.judge.call import Call, Returned, leaves
from grader.judge.conduct import Conduct
from grader.protocol.frames import Message, ProtocolViolation
from grader.results import Diagnosis, Status
from grader.testing import Judged, refuse

# Counting is exact; this only absorbs the rounding of the ratio.
_SLACK = 1e-6


class Traffic:
    """The ``traffic`` fixture: call it with a function of ``interpreted`` and its arguments.

    Attributes:
        verdicts: How many calls were judged.
        traffic: What was counted, for the report.
    """

    def __init__(self) -> None:
        self.verdicts = 0
        self.traffic: dict[str, Any] | None = None

    def __call__(
        self, function: Callable[..., Call], *args: Any, at_most: float, **kwargs: Any
    ) -> None:
        """Run the function and compare its traffic with the minimum.

        The minimum reads each input element once and writes each output element once.

        Args:
            function: A function of the ``interpreted`` submission, or its ``grad``.
            *args: Its arguments.
            at_most: Largest accepted multiple of the minimum.
            **kwargs: Its keyword arguments.

        Raises:
            Judged: Too many bytes were moved, or impossibly few.
        """
        self.verdicts += 1
        call = function(*args, **kwargs)
        # What torch moves is not counted, so there must be nothing of the kind.
        provenance.require_own_work(Conduct.of(call))
        counted = _count(call)
        counted["minimum_bytes"] = minimum = _minimum_bytes(call)
        counted["ratio"] = ratio = counted["bytes"] / minimum
        counted["at_most"] = at_most
        self.traffic = counted
        if ratio < 1 - _SLACK:
            message = (
                f"{call.function}() moved {counted['bytes']} bytes through its kernels, but the "
                f"result needs at least {minimum}: it was not computed by the kernels."
            )
            diagnosis = Diagnosis("impossible-traffic", message)
            raise Judged(Status.REFUSED, diagnosis, traffic=counted)
        if ratio > at_most + _SLACK:
            raise Judged(Status.FAILED, _too_much(call, counted), traffic=counted)


def _count(call: Call) -> dict[str, Any]:
    tensors: list[dict[str, Any]] = []
    try:
        for launch in call.runs[0].launches:
            known = records.launch(launch)
            for counts in known["tensors"]:
                tensors.append({"kernel": known["kernel"][:80], **counts})
        total = sum(entry["bytes_loaded"] + entry["bytes_stored"] for entry in tensors)
    except ProtocolViolation as error:
        refuse("malformed-frame", f"The record of {call.function}()'s traffic is forged: {error}.")
    return {"bytes": total, "tensors": tensors}


def _minimum_bytes(call: Call) -> int:
    reads = sum(given.tensor.numel() * given.tensor.element_size() for given in call.inputs)
    writes = sum(
        leaf.tensor.numel() * leaf.tensor.element_size()
        for leaf in leaves(call.runs[0].result)
        if isinstance(leaf, Returned)
    )
    return reads + writes


def _needless_bytes(entry: Message) -> float:
    """Bytes of a tensor that were loaded a second time or more often."""
    return float(entry["bytes_loaded"]) * (1 - 1 / max(float(entry["reads_per_element"]), 1.0))


def _too_much(call: Call, counted: dict[str, Any]) -> Diagnosis:
    worst: Message = max(counted["tensors"], key=_needless_bytes)
    message = (
        f"{call.function}() moved {counted['bytes']} bytes, {counted['ratio']:.2f} times the "
        f"minimum of {counted['minimum_bytes']}; at most {counted['at_most']:g} times is asked."
    )
    reads = float(worst["reads_per_element"])
    if reads > 1:
        message += f" {worst['parameter']} was read {reads:.2f} times in {worst['kernel']}."
    return Diagnosis("too-much-traffic", message)
