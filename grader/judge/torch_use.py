"""What a submission may let torch do while a call runs, and how much of it.

Judges notes that are made beside student code: they can cost points and earn none.
"""

from __future__ import annotations

from grader.judge.conduct import Conduct, Operation, base_name
from grader.policy.spellings import all_spellings
from grader.testing import refuse

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

# What torch runs for an operation that a lesson allows, besides what is but another name of it.
_PRODUCTS = frozenset({"mm", "bmm", "mv", "dot", "addmm", "addmv", "addbmm", "baddbmm"})
_RUN_FOR = {
    "matmul": _PRODUCTS,
    "linear": _PRODUCTS,
    "embedding": frozenset({"embedding_dense_backward"}),
    "relu": frozenset({"threshold_backward"}),
    "mean": frozenset({"sum", "div"}),
    "clamp": frozenset({"ge", "le", "logical_and", "where"}),
    "maximum": frozenset({"eq", "ge", "gt", "le", "lt", "div", "masked_fill"}),
    "where": frozenset({"eq", "ne", "ge", "gt", "le", "lt"}),
    "optim.SGD": frozenset({"sgd"}),
    "nn.utils.clip_grad_norm": frozenset({
        "norm", "linalg_vector_norm", "add", "mul", "reciprocal", "clamp",
    }),
}  # fmt: skip

# What a scalar may be computed with where a lesson allows torch anything: a mean from a sum, say.
_ARITHMETIC = frozenset({
    "add", "sub", "rsub", "mul", "div", "neg", "reciprocal", "eq", "ne", "lt", "le", "gt", "ge",
    "clamp", "clamp_min", "clamp_max", "maximum", "minimum", "logical_not", "bitwise_not", "where",
})  # fmt: skip

# How elements get to Python, which could compute with them.
_TO_PYTHON = frozenset({
    "tolist", "numpy", "array", "dlpack", "reduce_ex", "cpu", "storage", "typed_storage",
    "untyped_storage", "map", "map2", "apply",
})  # fmt: skip
_ONE_NUMBER = ("item", "local_scalar_dense")

MOST_NUMBERS = 64
"""Numbers that a call may read one by one, or compute with; more are data."""

MOST_IN_A_LOOP = 4096
"""Numbers that a line may read where a loop of training is graded."""


def require_allowed(conduct: Conduct) -> None:
    """See that torch did not do the kernels' work.

    Raises:
        Judged: It did, as far as was seen.
        ProtocolViolation: The notes are forged.
    """
    scalars = _on_scalars(conduct)
    for operation in conduct.operations:
        why = None if operation in scalars else _objection(conduct, operation)
        if why:
            refuse("torch-instead-of-kernel", why, operation.line)
    _require_totals(conduct)
    _require_few_numbers(conduct)


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
    few = MOST_NUMBERS if conduct.most_elements is not None else MOST_IN_A_LOOP
    if number and operation.count > few:
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


def _on_scalars(conduct: Conduct) -> list[Operation]:
    """Arithmetic on single numbers, where a lesson allows torch anything and they are few."""
    if not conduct.torch_operations:
        return []
    scalars = [
        operation
        for operation in conduct.operations
        # Of eight bytes each, which count twice.
        if operation.name in _ARITHMETIC and 0 < operation.elements <= 2 * operation.count
    ]
    few = sum(operation.count for operation in scalars) <= MOST_NUMBERS * len(conduct.audits)
    return scalars if few else []


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
    refuse(
        "torch-instead-of-kernel",
        f"{conduct.function}() lets torch compute on too many elements{where} ({largest.name}). "
        f"{', '.join(sorted({operation.name for operation in used}))} may be used here for totals "
        "and counts, of one number a row. What has to be done for each element is your Triton "
        "kernels' work.",
        largest.line,
    )


def _require_few_numbers(conduct: Conduct) -> None:
    """See that not much was read number by number, on however many lines.

    A loop of training may look at each of its losses; its lines are counted one by one.

    Raises:
        Judged: It was.
    """
    if conduct.most_elements is None or not conduct.torch_operations.isdisjoint(_ONE_NUMBER):
        return
    reads = [operation for operation in conduct.operations if operation.name in _ONE_NUMBER]
    count = sum(operation.elements for operation in reads)
    if count > MOST_NUMBERS * max(len(conduct.audits), 1):
        refuse(
            "torch-instead-of-kernel",
            f"{conduct.function}() reads {count} numbers one by one. The result must be computed "
            "by your Triton kernels, on the device.",
            reads[0].line,
        )


def _spelled_out(allowed: frozenset[str]) -> frozenset[str]:
    """All that torch runs for the operations that a lesson allows."""
    names = all_spellings(base_name(name) for name in allowed)
    return names.union(*(run for name, run in _RUN_FOR.items() if name in names))
