"""What a call returned, after all questions that need no element: type, shape, dtype, place."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from grader.judge.call import Call, Result, Returned, Run, describe
from grader.judge.compare import Mismatch, mismatch
from grader.protocol.tensors import dtype_name
from grader.testing import Output, fail


def output_mismatch(output: Output, got: torch.Tensor | None) -> Mismatch | None:
    """Where a returned tensor is wrong, ``None`` if it is right."""
    if got is None or output.expected is None:
        return None
    return mismatch(got, output.expected, exact=output.exact, error=output.error)


def returned_tensors(
    call: Call, run: Run, wanted: Sequence[Output], in_place: bool
) -> list[torch.Tensor | None]:
    """The run's outputs after all questions that need no element."""
    only = len(wanted) == 1 and not wanted[0].name
    items = [run.result] if only else _items(call, run, len(wanted))
    return [
        _plain(call, result, output, in_place) for result, output in zip(items, wanted, strict=True)
    ]


def _items(call: Call, run: Run, count: int) -> Sequence[Result]:
    if not isinstance(run.result, tuple) or len(run.result) != count:
        what = describe(run.result)
        fail("wrong-type", f"{call.function}() returned {what}, expected a tuple of {count}.")
    return run.result


def _plain(call: Call, result: Result, output: Output, in_place: bool) -> torch.Tensor | None:
    """One returned tensor after all questions that need no element."""
    name = f"{output.name} of {call.function}()" if output.name else f"{call.function}()"
    expected, verb = output.expected, "is" if output.name else "returned"
    has = "has" if output.name else "returned"
    if expected is None:
        if result is not None:
            fail("wrong-type", f"{name} {verb} {describe(result)}, expected None.")
        return None
    if not isinstance(result, Returned):
        fail("wrong-type", f"{name} {verb} {describe(result)}, expected a tensor.")
    tensor, shape = result.tensor, tuple(expected.shape)
    if tuple(tensor.shape) != shape:
        fail("wrong-shape", f"{name} {has} shape {tuple(tensor.shape)}, expected {shape}.")
    dtype = output.dtype or expected.dtype
    if tensor.dtype != dtype:
        got, asked = dtype_name(tensor.dtype), dtype_name(dtype)
        fail("wrong-dtype", f"{name} {verb} {got}, expected {asked}.")
    expected_device = "cpu" if call.device == "interpreter" else "cuda"
    if result.device != expected_device:
        fail(
            "wrong-device",
            f"{name} {verb} a tensor on {result.device!r}, expected it where the inputs are, "
            f"on {expected_device!r}.",
        )
    if not in_place:
        _own_contiguous(call, result)
    elif result.input_index != 0:
        fail("not-in-place", f"{call.function}() must return its first argument, changed in place.")
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
