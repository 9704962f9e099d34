"""The verdict on one call: everything that came out against what should have.

The order of the questions is the order in which the answers help a student: what was returned
at all, then a mistake that the values name, then faulty memory accesses, then plain wrong
values, then side effects.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import torch

from grader.judge.call import Call, Returned, Run, describe
from grader.judge.compare import Mismatch, equal_elements, mismatch
from grader.judge.diagnosis import evidence, patterns
from grader.judge.diagnosis.regions import describe as describe_region
from grader.judge.diagnosis.source import access_lines
from grader.judge.source import SubmissionSource
from grader.lesson import Function, Lesson
from grader.protocol.frames import Message, ProtocolViolation
from grader.protocol.tensors import dtype_name
from grader.results import Diagnosis
from grader.testing import Mistake, fail, refuse

# Kinds of compile errors that tell of this machine: too slow, or short of memory.
_NO_FAULT_OF_A_KERNEL = ("compile-timeout", "compile-interrupted")


class Check:
    """The ``check`` fixture: call it with what the submission returned.

    Attributes:
        verdicts: How many checks this case made; a case that checked nothing proves nothing.
        kernels: What compiling the launched kernels for GPU targets gave.
    """

    def __init__(self, lesson: Lesson, source: SubmissionSource) -> None:
        self._lesson = lesson
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
        mistakes: Sequence[Mistake] = (),
    ) -> None:
        """Compare a call's output with what it should be, and look at its side effects.

        Args:
            call: What ``submission.function(...)`` returned.
            expected: The right values; float64 for a tolerance, or the output's dtype.
            exact: Ask for equality of every element.
            error: What the computation may lose before the final rounding: a number or a
                float64 tensor with a value for each element.
            dtype: The dtype that the output must have; that of ``expected`` if left out.
            in_place: The function returns its first tensor argument, changed.
            mistakes: Known wrong results, so that the diagnosis can name the mistake.

        Raises:
            Judged: It is wrong; carries the diagnosis.
        """
        self.verdicts += 1
        self.kernels += call.runs[0].compiled
        function = self._lesson.functions[call.function]
        wanted = dtype or expected.dtype
        outputs = [_returned(call, run, expected, wanted, in_place) for run in call.runs]
        found = [mismatch(out, expected, exact=exact, error=error) for out in outputs]
        first = next((item for item in found if item is not None), None)
        overflow, faulty_access = self._evidence(call, function)
        _raise(overflow)
        if first is not None and found[0] is not None:
            diagnosis = patterns.diagnose(first, mistakes)
            # What was never written is a matter of the grid more often than of the store.
            never = diagnosis is not None and diagnosis.kind.endswith("not-written")
            _raise(diagnosis, None if never else self._line(function))
        _raise(faulty_access)
        if first is not None:
            _raise(_unstable(found) or patterns.generic(first, error))
        _compiles(call)
        _inputs_unchanged(call, in_place)
        _kernels_launched(call, function, expected)

    def _evidence(
        self, call: Call, function: Function
    ) -> tuple[Diagnosis | None, Diagnosis | None]:
        """What the worker saw: an overflow of an offset, and any other faulty access."""
        try:
            found = evidence.diagnose(call, self._source.text, function.kernels)
            return evidence.overflow(call), found
        except ProtocolViolation as violation:
            message = f"The record of {call.function}()'s memory accesses is forged: {violation}."
            refuse("malformed-frame", message)

    def _line(self, function: Function) -> int | None:
        """The line of the only store of the function's kernels, if there is just one."""
        text = self._source.text
        lines = access_lines(text, function.kernels, "store")
        return lines[0] if len(lines) == 1 else None


def _raise(diagnosis: Diagnosis | None, line: int | None = None) -> None:
    if diagnosis is not None:
        fail(diagnosis.kind, diagnosis.message, diagnosis.line or line)


def _returned(
    call: Call, run: Run, expected: torch.Tensor, dtype: torch.dtype, in_place: bool
) -> torch.Tensor:
    """The run's output after all questions that need no element."""
    result, name = run.result, call.function
    if not isinstance(result, Returned):
        fail("wrong-type", f"{name}() returned {describe(result)}, expected a tensor.")
    tensor = result.tensor
    if tensor.shape != expected.shape:
        fail(
            "wrong-shape",
            f"{name}() returned shape {tuple(tensor.shape)}, expected {tuple(expected.shape)}.",
        )
    if tensor.dtype != dtype:
        fail(
            "wrong-dtype",
            f"{name}() returned {dtype_name(tensor.dtype)}, expected {dtype_name(dtype)}.",
        )
    expected_device = "cpu" if call.device == "interpreter" else "cuda"
    if result.device != expected_device:
        fail(
            "wrong-device",
            f"{name}() returned a tensor on {result.device!r}, expected it where the inputs "
            f"are, on {expected_device!r}.",
        )
    if not in_place:
        _own_contiguous(call, result)
    elif result.input_index != 0:
        fail("not-in-place", f"{name}() must return its first argument, changed in place.")
    return tensor


def _own_contiguous(call: Call, result: Returned) -> None:
    if result.input_memory is not None and result.input_memory < len(call.inputs):
        owner = call.inputs[result.input_memory].name
        fail(
            "output-aliases-input",
            f"{call.function}() returned memory of its input {owner}; expected a new tensor.",
        )
    contiguous = torch.empty_like(result.tensor, memory_format=torch.contiguous_format).stride()
    strides = zip(result.strides, contiguous, result.tensor.shape, strict=True)
    if result.tensor.numel() and any(a != b for a, b, size in strides if size > 1):
        fail(
            "wrong-layout",
            f"{call.function}() returned a tensor with strides {result.strides}, expected "
            f"contiguous memory: strides {contiguous}.",
        )


def _unstable(found: Sequence[Mismatch | None]) -> Diagnosis | None:
    """A result that is right in one run only, with the same inputs."""
    wrong = [item for item in found if item is not None]
    if len(wrong) == len(found):
        return None
    return Diagnosis(
        "unstable-result",
        f"The same call gave a right and a wrong result: {describe_region(wrong[0].wrong)} "
        "differed. The result depends on memory that was never set, or on the order in which "
        "programs run.",
    )


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
            before = given.tensor.contiguous()
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


def _kernels_launched(call: Call, function: Function, expected: torch.Tensor) -> None:
    missing: Collection[str] = set(function.kernels) - call.kernels
    if missing and expected.numel():
        name = sorted(missing)[0]
        refuse(
            "kernel-not-launched",
            f"{call.function}() returned the right values without launching {name}. The "
            "result must come from that kernel; keep its name.",
        )
