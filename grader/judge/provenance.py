"""Whether a right result is the work of the submission's own kernels.

The worker notes which operations of torch the submission asked for, which kernels ran, and where
the returned memory came from. These notes are made beside student code: they can cost points,
and nothing that they say earns any. What is missing from them proves nothing.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

import torch

from grader.judge.call import Call, Returned, leaves
from grader.judge.conduct import Conduct
from grader.judge.torch_use import ALWAYS, require_allowed
from grader.protocol.frames import ProtocolViolation
from grader.protocol.notes import MOST_KERNELS
from grader.testing import Output, refuse

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
            refuse("tampered", message)
        for start in conduct.starts:
            refuse("work-outside-the-call", _outside(conduct, start.what, start.line), start.line)
        require_allowed(conduct)
        foreign = _foreign_kernel(conduct, text) if text is not None else None
    except ProtocolViolation as violation:
        message = f"The record of what {conduct.function}() did is forged: {violation}."
        refuse("malformed-frame", message)
    if foreign is not None:
        message = (
            f"{conduct.function}() ran a kernel that is not in your file: {foreign[:160]}. The "
            "result must come from Triton kernels that you wrote."
        )
        refuse("foreign-kernel", message)


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
        refuse(
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
            refuse("result-not-from-kernel", f"{what}: {why}")


_WHENCE = {
    "torch": "no launched kernel had the returned tensor among its arguments, nor one that it "
    "was copied from. The result must be written by your kernels.",
    "foreign": "it comes from data that had been there before the call, or that were made or "
    "overwritten outside torch, such as a list of numbers. Compute the result in each call, with "
    "your kernels, and allocate in each call what they work in: a workspace or a table may not be "
    "kept from call to call.",
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
