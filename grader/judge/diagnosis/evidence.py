"""Turns what the worker saw of memory accesses into a diagnosis.

The interpreter's findings name line, tensor and index. Red zones, which work on the GPU too,
name the tensor and how far beyond it was written; the line then comes from the source.
"""

from __future__ import annotations

from collections.abc import Collection

from grader.judge.call import Call, Run
from grader.judge.diagnosis.source import access_lines, unmasked_lines
from grader.judge.process import printable
from grader.protocol.frames import Message, field, optional
from grader.results import Diagnosis

# A faulty store does more harm than a faulty load: it is named first.
_URGENCY = ("store", "atomic", "race", "load", "uninitialised")


def diagnose(call: Call, source: str, kernels: Collection[str]) -> Diagnosis | None:
    """The most urgent faulty access of any run, ``None`` if there was none."""
    findings = [finding for run in call.runs for finding in run.findings]
    if findings:
        return _from_finding(min(findings, key=_urgency))
    for run in call.runs:
        if run.violations:
            return _from_violation(run.violations[0], run, call, source, kernels)
    return None


def overflow(call: Call) -> Diagnosis | None:
    """An offset that overflowed int32, if one did: it explains whatever else went wrong."""
    for run in call.runs:
        for finding in run.findings:
            if finding.get("int32_overflow") is True:
                return _from_finding(finding)
    return None


def _urgency(finding: Message) -> int:
    words = f"{finding.get('kind')} {finding.get('access')}"
    return next((n for n, word in enumerate(_URGENCY) if word in words), len(_URGENCY))


def _from_finding(finding: Message) -> Diagnosis:
    kind = field(finding, "kind", str)
    access = optional(finding, "access", str) or ""
    if finding.get("int32_overflow") is True:
        kind = "offset-overflow"
    elif kind == "out-of-bounds" and access in ("load", "store"):
        kind = f"missing-{access}-mask" if finding.get("masked") == "none" else "wrong-mask"
    message = printable(field(finding, "message", str))[:600]
    return Diagnosis(printable(kind)[:60], message, optional(finding, "line", int))


def _from_violation(
    violation: Message, run: Run, call: Call, source: str, kernels: Collection[str]
) -> Diagnosis:
    side, first = field(violation, "side", str), field(violation, "first", int)
    count = field(violation, "count", int)
    what = _tensor_name(violation, call)
    edge = "end" if side == "after" else "start"
    text = f"{count} elements {side} the {edge} of {what} were overwritten, from index {first} on."
    if count == 1:
        text = f"One element {side} the {edge} of {what} was overwritten, at index {first}."
    lines = unmasked_lines(source, kernels, "store")
    if side == "after" and lines:
        return Diagnosis("missing-store-mask", f"{text} The store has no mask.", lines[0])
    stores = access_lines(source, kernels, "store")
    line = stores[0] if len(stores) == 1 else None
    return Diagnosis("wrong-mask", f"{text} Check the mask and the offsets of the store.", line)


def _tensor_name(violation: Message, call: Call) -> str:
    index = field(violation, "index", int)
    if field(violation, "role", str) == "input" and 0 <= index < len(call.inputs):
        return f"the input {call.inputs[index].name}"
    return "a tensor that the function allocated"
