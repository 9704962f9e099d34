"""Whether a right result is the work of the submission's own kernels.

The worker notes which operations of torch the submission asked for, which kernels ran, and where
the returned memory came from. These notes are made beside student code: they can cost points,
and nothing that they say earns any. What is missing from them proves nothing.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from typing import NoReturn

import torch

from grader.judge.call import Call, Returned, leaves
from grader.judge.conduct import Conduct, Operation, base_name
from grader.protocol.frames import ProtocolViolation
from grader.protocol.notes import MOST_KERNELS
from grader.results import Diagnosis, Status
from grader.testing import Judged, Output, refuse

# What every function may use, as torch spells it when it runs: memory and its layout, constants,
# copies and casts, one number at a time. None of it computes a result.
_ALLOCATIONS = frozenset({
    "empty", "empty_like", "empty_permuted", "empty_strided", "new_empty", "new_empty_strided",
    "zeros", "zeros_like", "new_zeros", "ones", "ones_like", "new_ones", "full", "full_like",
    "new_full", "scalar_tensor", "arange", "lift", "lift_fresh", "lift_fresh_copy", "resize",
    "zero", "fill", "set",
})  # fmt: skip
_COPIES = frozenset({
    "clone", "contiguous", "copy", "to_copy", "to", "type", "type_as", "pin_memory",
    "local_scalar_dense", "item", "record_stream", "requires_grad", "detach", "detach_copy",
    "cat", "stack", "constant_pad_nd", "pad", "repeat", "tile", "flip", "roll", "slice_backward",
    "select_backward",
})  # fmt: skip
_LAYOUT = frozenset({
    "alias", "as_strided", "chunk", "diagonal", "expand", "expand_as", "flatten", "movedim",
    "narrow", "numpy_T", "permute", "reshape", "reshape_alias", "select", "slice", "split",
    "split_with_sizes", "squeeze", "swapaxes", "t", "transpose", "unbind", "unflatten", "unfold",
    "unsafe_split", "unsafe_view", "unsqueeze", "view", "view_as",
})  # fmt: skip
# Marks for a profiler, set by optimizers; by full name, since anybody can add to a namespace.
_MARKS = frozenset({
    "profiler::_record_function_enter", "profiler::_record_function_enter_new",
    "profiler::_record_function_exit",
})  # fmt: skip
ALWAYS = _ALLOCATIONS | _COPIES | _LAYOUT | _MARKS

# What torch runs for an operation that a lesson allows by another name.
_PRODUCTS = frozenset({"mm", "bmm", "mv", "dot", "addmm", "addmv", "addbmm", "baddbmm"})
_RUN_FOR = {
    "matmul": _PRODUCTS,
    "linear": _PRODUCTS,
    "embedding": frozenset({"embedding_dense_backward"}),
    "relu": frozenset({"threshold_backward"}),
    "mean": frozenset({"sum", "div"}),
}

# How elements get to Python, which could compute with them.
_TO_PYTHON = frozenset({
    "tolist", "numpy", "array", "dlpack", "reduce_ex", "cpu", "storage", "typed_storage",
    "untyped_storage", "map", "map2", "apply",
})  # fmt: skip
_ONE_NUMBER = ("item", "local_scalar_dense")

MOST_NUMBERS = 64
"""Numbers that one line may read one by one; more are data."""

# What a GPU runs for the operations above, for the grader's own red zones and for copies.
_HARMLESS_ON_DEVICE = re.compile(
    r"^Mem(cpy|set)\b|^Context Sync|FillFunctor|copy_kernel_cuda|arange_cuda"
    r"|CatArrayBatchedCopy|flip_kernel|roll_cuda_kernel"
)
# What Triton compiles for torch's own compiler.
_OF_COMPILER = re.compile(r"^triton_")


def require_own_work(conduct: Conduct, text: str | None = None) -> None:
    """See that neither torch nor other kernels nor another thread did the work.

    Args:
        conduct: What was seen.
        text: The submission; left out, names of kernels are not compared with it.

    Raises:
        Judged: They did, as far as was seen; or what the worker says is forged.
    """
    try:
        for name in conduct.tampered[:1]:
            message = f"The grader's own code was replaced while it watched the call: {name}."
            _refuse("tampered", message)
        for start in conduct.starts:
            _refuse("work-outside-the-call", _outside(conduct, start.what, start.line), start.line)
        for operation in conduct.operations:
            why = _objection(conduct, operation)
            if why:
                _refuse("torch-instead-of-kernel", why, operation.line)
        _require_totals(conduct)
        foreign = _foreign_kernel(conduct, text) if text is not None else None
    except ProtocolViolation as violation:
        message = f"The record of what {conduct.function}() did is forged: {violation}."
        refuse("malformed-frame", message)
    if foreign is not None:
        message = (
            f"{conduct.function}() ran a kernel that is not in your file: {foreign[:160]}. The "
            "result must come from Triton kernels that you wrote."
        )
        _refuse("foreign-kernel", message)


def require_launches(conduct: Conduct) -> None:
    """See that every run launched each kernel that the result must come from.

    Raises:
        Judged: One was not launched; or what the worker says is forged.
    """
    try:
        runs = conduct.kernels
    except ProtocolViolation as violation:
        refuse("malformed-frame", f"The record of launches is forged: {violation}.")
    launched: set[str] = set.intersection(*runs) if runs else set()
    missing = sorted(set(conduct.required_kernels) - launched)
    if missing:
        _refuse(
            "kernel-not-launched",
            f"{conduct.function}() came to its result without launching {missing[0]}. The result "
            "must come from that kernel; keep its name.",
        )


def require_origins(call: Call, wanted: Sequence[Output]) -> None:
    """See that a launched kernel had each returned tensor in its hands.

    What may be returned without computing is left alone: zeros, ones, NaN, copies of inputs.

    Raises:
        Judged: None had.
    """
    expected = [output for output in wanted if output.expected is not None]
    for run in call.runs:
        returned = [leaf for leaf in leaves(run.result) if isinstance(leaf, Returned)]
        for leaf, output in zip(returned, expected, strict=False):
            if leaf.origin in (None, "kernel") or _needs_no_kernel(leaf.tensor, call):
                continue
            what = f"{output.name} of {call.function}()" if output.name else f"{call.function}()"
            why = _WHENCE.get(leaf.origin, "the record of where it comes from is forged.")
            _refuse("result-not-from-kernel", f"{what}: {why}")


_WHENCE = {
    "torch": "no launched kernel had the returned tensor among its arguments, nor one that it "
    "was copied from. The result must be written by your kernels.",
    "foreign": "it comes from data that had been there before the call, or that were made or "
    "overwritten outside torch. Compute the result in each call, with your kernels, and allocate "
    "in each call what they work in: a workspace or a table may not be kept from call to call.",
    "unseen": "what was returned lies in memory that this call did not allocate. Allocate the "
    "result in each call, and let your kernels write it.",
}


def _needs_no_kernel(tensor: torch.Tensor, call: Call) -> bool:
    if not tensor.numel() or not any(given.tensor.numel() for given in call.inputs):
        return True
    trivial = (tensor == 0, tensor == 1, tensor != tensor)
    return any(bool(each.all()) for each in trivial) or any(
        given.tensor.shape == tensor.shape
        and given.tensor.dtype == tensor.dtype
        and torch.equal(given.tensor.to(tensor.device), tensor)
        for given in call.inputs
    )


def _objection(conduct: Conduct, operation: Operation) -> str | None:
    """Why an operation may not be used here, to the student; ``None`` if it may."""
    name, function, allowed = operation.name, conduct.function, conduct.torch_operations
    number = name in _ONE_NUMBER
    if name in _spelled_out(allowed) or (number and not allowed.isdisjoint(_ONE_NUMBER)):
        return None
    where = f" in line {operation.line}" if operation.line is not None else ""
    if name in _TO_PYTHON:
        return (
            f"{function}() takes the elements of a tensor out of torch{where} ({name}). The "
            "result must be computed by your Triton kernels, on the device."
        )
    if number and operation.count > MOST_NUMBERS:
        return (
            f"{function}() reads {operation.count} numbers one by one{where}. The result must be "
            "computed by your Triton kernels, on the device."
        )
    if name in ALWAYS:
        return None
    more = sorted(one for one in allowed if "." not in one)
    here = f", and here for {', '.join(more)}" if more else ""
    unknown = " (in no line of your file, as in a gradient that autograd derives by itself)"
    return (
        f"{function}() computes with torch{where or unknown}: {name}. The result must come from "
        "your own Triton kernels, so do this step in one of them. torch is for allocating, copying "
        f"and viewing tensors{here}."
    )


def _require_totals(conduct: Conduct) -> None:
    """See that what a lesson allows of torch was used for totals and counts, where that is meant.

    Raises:
        Judged: Tensors were as large as data.
    """
    if conduct.most_elements is None:
        return
    computing = _spelled_out(conduct.torch_operations) - ALWAYS
    used = [operation for operation in conduct.operations if operation.name in computing]
    most = conduct.most_elements * max(len(conduct.audits), 1)
    if sum(operation.elements for operation in used) <= most:
        return
    largest = max(used, key=lambda operation: operation.elements)
    where = f", most of them in line {largest.line}" if largest.line is not None else ""
    _refuse(
        "torch-instead-of-kernel",
        f"{conduct.function}() lets torch compute on too many elements{where} ({largest.name}). "
        f"{', '.join(sorted({operation.name for operation in used}))} may be used here for totals "
        "and counts, of one number a row. What has to be done for each element is your Triton "
        "kernels' work.",
        largest.line,
    )


def _spelled_out(allowed: frozenset[str]) -> frozenset[str]:
    """All that torch runs for the operations that a lesson allows."""
    names = frozenset(base_name(name) for name in allowed)
    return names.union(*(run for name, run in _RUN_FOR.items() if name in names))


def _foreign_kernel(conduct: Conduct, text: str) -> str | None:
    """A kernel that ran and is neither the submission's nor of an allowed operation."""
    own = _defined(text)
    if own is None:
        return None
    for kernel in sorted(set().union(*conduct.kernels)):
        if kernel not in own:
            return kernel
    if len(conduct.device_kernels) >= MOST_KERNELS:
        return f"one of more than {MOST_KERNELS} different ones"
    used = {operation.name for operation in conduct.operations} | conduct.beside
    # Kernels of further operations, allowed or the course's, go by many names.
    plain = used <= ALWAYS
    for kernel in sorted(conduct.device_kernels - own):
        if _OF_COMPILER.search(kernel) or (plain and not _HARMLESS_ON_DEVICE.search(kernel)):
            return kernel
    return None


def _defined(text: str) -> frozenset[str] | None:
    """Names of all functions in a submission; ``None`` if it does not parse."""
    try:
        nodes = ast.walk(ast.parse(text))
        return frozenset(node.name for node in nodes if isinstance(node, ast.FunctionDef))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _outside(conduct: Conduct, what: str, line: int | None) -> str:
    where = f" (line {line})" if line is not None else ""
    return (
        f"{conduct.function}() has a {what} of its own at work{where}. The result must be "
        "computed by kernels that the call itself launches."
    )


def _refuse(kind: str, message: str, line: int | None = None) -> NoReturn:
    raise Judged(Status.REFUSED, Diagnosis(kind, message[:800], line))
