"""The verdict on one call: everything that came out against what should have.

The order of the questions is the order in which the answers help a student: what was returned
at all, then a mistake that the values name, then faulty memory accesses, then plain wrong
values, then side effects, and of a right result last whose work it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from grader.judge import provenance
from grader.judge.call import Call
from grader.judge.compare import Mismatch, equal_elements
from grader.judge.conduct import Conduct
from grader.judge.diagnosis import evidence, patterns
from grader.judge.diagnosis.regions import describe as describe_region
from grader.judge.diagnosis.source import access_lines
from grader.judge.outputs import output_mismatch, returned_tensors
from grader.judge.source import SubmissionSource
from grader.protocol.frames import Message, ProtocolViolation
from grader.results import Diagnosis
from grader.testing import Mistake, Output, fail, refuse

# Kinds of compile errors that tell of this machine: too slow, or short of memory.
_NO_FAULT_OF_A_KERNEL = ("compile-timeout", "compile-interrupted")


class Check:
    """The ``check`` fixture: call it with what the submission returned.

    Attributes:
        verdicts: How many checks this case made; a case that checked nothing proves nothing.
        kernels: What compiling the launched kernels for GPU targets gave.
    """

    def __init__(self, source: SubmissionSource) -> None:
        self._source = source
        self.verdicts = 0
        self.kernels: list[Message] = []

    def __call__(
        self,
        call: Call,
        expected: torch.Tensor,
        *,
        exact: bool = False,
        error: torch.Tensor | float = 0.0,
        dtype: torch.dtype | None = None,
        in_place: bool = False,
        deterministic: bool = False,
        mistakes: Sequence[Mistake] = (),
    ) -> None:
        """Compare a call's only output with what it should be, and look at its side effects.

        Args:
            call: What ``submission.function(...)`` returned.
            expected: As in ``Output``.
            exact: As in ``Output``.
            error: As in ``Output``.
            dtype: As in ``Output``.
            in_place: The function returns its first tensor argument, changed.
            deterministic: Both runs must agree bit for bit.
            mistakes: As in ``Output``.

        Raises:
            Judged: It is wrong; carries the diagnosis.
        """
        output = Output("", expected, exact, error, dtype, mistakes)
        self._judge(call, [output], in_place=in_place, deterministic=deterministic)

    def outputs(self, call: Call, *expected: Output, deterministic: bool = False) -> None:
        """Compare a returned tuple, item by item.

        Args:
            call: What the submission returned, outputs and gradients in order.
            *expected: What each must be.
            deterministic: Both runs must agree bit for bit.

        Raises:
            Judged: The first that is wrong; carries the diagnosis.
        """
        self._judge(call, expected, in_place=False, deterministic=deterministic)

    def _judge(
        self, call: Call, wanted: Sequence[Output], *, in_place: bool, deterministic: bool
    ) -> None:
        self.verdicts += 1
        self.kernels += call.runs[0].compiled
        returned = [returned_tensors(call, run, wanted, in_place) for run in call.runs]
        overflow, faulty_access = self._evidence(call)
        _raise(overflow)
        found = [
            (output, [output_mismatch(output, items[index]) for items in returned])
            for index, output in enumerate(wanted)
        ]
        for output, mismatches in found:
            self._name_mistake(call, output, mismatches[0])
        _raise(faulty_access)
        for output, mismatches in found:
            _raise(_unstable(mismatches) or _generic(output, mismatches))
        if deterministic:
            _raise(_undetermined(wanted, returned))
        _compiles(call)
        _inputs_unchanged(call, in_place)
        self._own_work(call, wanted)

    def _name_mistake(self, call: Call, output: Output, found: Mismatch | None) -> None:
        """End the case if the values say what was done wrong."""
        if found is None:
            return
        diagnosis = patterns.diagnose(found, output.mistakes)
        if diagnosis is None:
            return
        # What was never written is a matter of the grid more often than of the store.
        never = diagnosis.kind.endswith("not-written")
        _raise(_about(output, diagnosis), None if never else self._line(call))

    def _evidence(self, call: Call) -> tuple[Diagnosis | None, Diagnosis | None]:
        """What the worker saw: an overflow of an offset, and any other faulty access."""
        try:
            found = evidence.diagnose(call, self._source.text, call.required_kernels)
            return evidence.overflow(call), found
        except ProtocolViolation as violation:
            message = f"The record of {call.function}()'s memory accesses is forged: {violation}."
            refuse("malformed-frame", message)

    def _own_work(self, call: Call, wanted: Sequence[Output]) -> None:
        """Whose work a right result is; nobody is suspected whose result is wrong anyway."""
        conduct = Conduct.of(call)
        provenance.require_own_work(conduct, self._source.text)
        if any(one.expected is not None and one.expected.numel() for one in wanted):
            provenance.require_launches(conduct)
            provenance.require_origins(call, wanted)

    def _line(self, call: Call) -> int | None:
        """The line of the only store of the function's kernels, if there is just one."""
        lines = access_lines(self._source.text, call.required_kernels, "store")
        return lines[0] if len(lines) == 1 else None


def _raise(diagnosis: Diagnosis | None, line: int | None = None) -> None:
    if diagnosis is not None:
        fail(diagnosis.kind, diagnosis.message, diagnosis.line or line)


def _about(output: Output, diagnosis: Diagnosis) -> Diagnosis:
    """A diagnosis that says which of several outputs it is about."""
    if not output.name:
        return diagnosis
    return replace(diagnosis, message=f"{output.name}: {diagnosis.message}")


def _generic(output: Output, found: Sequence[Mismatch | None]) -> Diagnosis | None:
    first = next((item for item in found if item is not None), None)
    return _about(output, patterns.generic(first, output.error)) if first is not None else None


def _unstable(found: Sequence[Mismatch | None]) -> Diagnosis | None:
    """A result that is right in one run only, with the same inputs."""
    wrong = [item for item in found if item is not None]
    if len(wrong) in (0, len(found)):
        return None
    return Diagnosis(
        "unstable-result",
        f"The same call gave a right and a wrong result: {describe_region(wrong[0].wrong)} "
        "differed. The result depends on memory that was never set, or on the order in which "
        "programs run.",
    )


def _undetermined(
    wanted: Sequence[Output], returned: Sequence[Sequence[torch.Tensor | None]]
) -> Diagnosis | None:
    """Outputs that are right within the tolerance, but not the same in each run."""
    first, *others = returned
    for index, output in enumerate(wanted):
        one = first[index]
        for other in others:
            again = other[index]
            if one is None or again is None or bool(equal_elements(one, again).all()):
                continue
            return _about(
                output,
                Diagnosis(
                    "not-deterministic",
                    "The same call gave results that differ in the last bits. Sums across "
                    "programs must be formed in an order that is always the same: no atomics.",
                ),
            )
    return None


def _compiles(call: Call) -> None:
    """What runs interpreted need not run on a GPU."""
    for result in call.runs[0].compiled:
        error = result["error"]
        if error is None or error["kind"] in _NO_FAULT_OF_A_KERNEL:
            continue
        message = (
            f"The values are right, but {result['kernel']} does not run on a GPU "
            f"({result['target']}): {error['message']}"
        )
        fail(error["kind"], message[:800], error["line"])


def _inputs_unchanged(call: Call, in_place: bool) -> None:
    for run in call.runs:
        for index, (given, after) in enumerate(zip(call.inputs, run.inputs_after, strict=True)):
            if in_place and index == 0:
                continue
            before = given.tensor.contiguous().to(after.device)
            if before.shape != after.shape or before.dtype != after.dtype:
                refuse("malformed-frame", f"The input {given.name} came back another.")
            same = equal_elements(after, before)
            if not bool(same.all()):
                where = describe_region(~same)
                fail(
                    "input-modified",
                    f"{call.function}() changed its input {given.name}: {where} differ after the "
                    "call. Write to a tensor of your own.",
                )
