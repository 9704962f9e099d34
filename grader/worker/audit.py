"""What a call of the submission does beside launching kernels: torch's operations, by line.

A graded result must come from the submission's own kernels. So each operation that torch runs
is noted with the line of the submission that asked for it; operations of the course's code, of
the worker's own and of library code that these call are left out. What may be used is not
decided here: the judge knows it. Runs beside student code, so what it says is evidence that may
cost points and never earns any.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch._tensor_str import PRINT_OPTS
from torch.overrides import TorchFunctionMode
from triton.runtime.jit import JITFunction

from grader.protocol.frames import Message
from grader.protocol.notes import MOST_LINES, MOST_OPERATIONS
from grader.worker.callers import Caller, Files, caller_of, is_served_by_grader
from grader.worker.device_kernels import kernels_on_device
from grader.worker.dispatch import DispatchMode
from grader.worker.integrity import tampered
from grader.worker.origins import Origins, tensors_in
from grader.worker.starts import watched_starts

MOST_NAME = 80
TOO_MANY = "grader::too_many_operations"

# Tensors of so many elements are numbers with a device: settings, counts. Longer ones are data, and
# so are many of them. What is printed is for people: after some numbers, the shape.
MOST_NUMBERS = 16
MOST_IN_ALL = 64
MOST_PRINTED = 128

# A gradient that comes back in several parts is added up by autograd itself. Of many parts that is
# a computation.
_ADDS_UP = {"aten::add", "aten::add_"}
MOST_ADDED_UP = 64

# How elements get out of torch's sight without an operation of torch.
_TO_HOST = {"tolist", "numpy", "__array__", "__dlpack__", "__reduce_ex__", "storage",
            "typed_storage", "_typed_storage", "untyped_storage", "map_", "map2_",
            "apply_"}  # fmt: skip
_PRINTS = {"__repr__", "__str__", "__format__"}


@dataclass
class _Uses:
    """Of an operation, by one line.

    Attributes:
        count: How often.
        elements: Of the largest tensor each time, in all.
    """

    count: int = 0
    elements: int = 0


class Audit:
    """The notes on one run of one call.

    Attributes:
        origins: Where the memory of tensors comes from.
        kernels: What a GPU ran, by name; complete when the call is over.
    """

    def __init__(self, files: Files, inputs: Collection[Any] = ()) -> None:
        """Begin.

        Args:
            files: Whose code lies in which file.
            inputs: What the call is given.
        """
        self.origins = Origins(inputs)
        self._files = files
        self._operations: dict[str, dict[int | None, _Uses]] = {}
        self._sizes = {tensor.numel() for tensor in tensors_in(inputs)}
        self._added_up = 0
        self._handed_out = 0
        self._printed = 0
        self._beside: dict[str, None] = {}
        self._starts: list[Message] = []
        self.kernels: list[str] = []

    def operation(self, func: Any, arguments: tuple[Any, ...], result: Any) -> None:
        """Torch ran an operation; ``func`` is an overload of ``torch.ops``."""
        name = "aten::cpu" if _to_host(arguments, result) else str(func._schema.name)
        caller = caller_of(self._files)
        self.origins.operation(func, arguments, result, trusted=not caller.is_submission)
        if func.is_view and func.namespace == "aten":
            return
        if caller.is_submission and not self._is_bookkeeping(caller, name, arguments, result):
            self._note(name, caller, _elements((*arguments, result)))
        elif len(self._beside) < MOST_OPERATIONS:
            self._beside.setdefault(name[:MOST_NAME])

    def host_access(self, name: str, tensor: torch.Tensor) -> None:
        """A method was called that hands a tensor's memory to Python."""
        # The grader's own room for a tensor asks for its memory, in the middle of a student's call.
        if is_served_by_grader(sys._getframe(1), self._files):
            return
        caller = caller_of(self._files)
        if not caller.is_submission:
            return
        numbers = _words(tensor)
        self._handed_out += numbers
        if numbers > MOST_NUMBERS or self._handed_out > MOST_IN_ALL:
            self._note(f"aten::{name}", caller)

    def may_print(self, tensor: torch.Tensor) -> bool:
        """Whether a tensor may become text, in which its numbers can be read: a few may."""
        if not caller_of(self._files).is_submission:
            return True
        self._printed += _shown(tensor)
        return self._printed <= MOST_PRINTED

    def _is_bookkeeping(
        self, caller: Caller, name: str, arguments: tuple[Any, ...], result: Any
    ) -> bool:
        """Whether the engine just adds up parts of an input's gradient, or undoes a dimension."""
        if not caller.by_engine or not isinstance(result, torch.Tensor):
            return False
        if name == "aten::sum":
            return bool(arguments[0].numel() == result.numel())
        if name not in _ADDS_UP or self._added_up >= MOST_ADDED_UP:
            return False
        self._added_up += 1
        return result.numel() in self._sizes

    def _note(self, name: str, caller: Caller, elements: int = 0) -> None:
        name = name[:MOST_NAME]
        if name not in self._operations and len(self._operations) >= MOST_OPERATIONS:
            name = TOO_MANY
        lines = self._operations.setdefault(name, {})
        known = caller.line in lines or len(lines) < MOST_LINES
        uses = lines.setdefault(caller.line if known else None, _Uses())
        uses.count += 1
        uses.elements += elements

    def started(self, what: str, caller: Caller) -> None:
        """The submission started a thread or a process."""
        if len(self._starts) < MOST_OPERATIONS:
            self._starts.append({"what": what, "line": caller.line})

    def to_json(self) -> Message:
        """The notes as a field of a frame."""
        return {
            "operations": [
                {
                    "name": name,
                    "line": line,
                    "count": min(uses.count, 2**31),
                    "elements": min(uses.elements, 2**62),
                }
                for name, lines in self._operations.items()
                for line, uses in lines.items()
            ],
            "beside": list(self._beside),
            "starts": self._starts,
            "device_kernels": self.kernels,
            "tampered": tampered(),
        }


@contextmanager
def audited(
    files: Files,
    device: torch.device,
    inputs: Collection[Any] = (),
    *,
    timed_later: bool = False,
) -> Iterator[Audit]:
    """Note what the code inside does; to be entered last, so that nothing lies in between.

    Args:
        files: Whose code lies in which file.
        device: Where kernels run.
        inputs: What the call is given.
        timed_later: Whether calls are timed in this process: then the driver is not asked for
            kernels, since having asked it once slows every later launch.
    """
    audit = Audit(files, inputs)
    on_device: AbstractContextManager[list[str]] = (
        nullcontext([]) if timed_later else kernels_on_device(device)
    )
    with (
        on_device as audit.kernels,
        _launches_noted(audit.origins),
        watched_starts(files, audit.started),
        _HostAccess(audit),
        _Operations(audit),
    ):
        yield audit


class _Operations(DispatchMode):
    """Passes every operation on to the audit once it is done."""

    def __init__(self, audit: Audit) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._audit = audit

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        self._audit.origins.used((*args, *kwargs.values()))
        result = func(*args, **kwargs)
        self._audit.operation(func, (*args, *kwargs.values()), result)
        return result


class _HostAccess(TorchFunctionMode):
    """Sees the methods of tensors that no dispatch mode sees."""

    def __init__(self, audit: Audit) -> None:
        super().__init__()
        self._audit = audit

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        name = getattr(func, "__name__", "")
        if args and isinstance(args[0], torch.Tensor):
            if name in _TO_HOST:
                self._audit.host_access(name, args[0])
            elif name in _PRINTS and not self._audit.may_print(args[0]):
                return f"tensor(..., shape={tuple(args[0].shape)}, dtype={args[0].dtype})"
        result = func(*args, **(kwargs or {}))
        if name == "__deepcopy__":
            self._audit.origins.copied(args[0], result)
        return result


@contextmanager
def _launches_noted(origins: Origins) -> Iterator[None]:
    """Tell ``origins`` of the tensors that kernels are given."""
    run = JITFunction.run

    def noting_run(function: Any, *args: Any, **kwargs: Any) -> Any:
        given = () if kwargs.get("warmup") else (*args, *kwargs.values())
        origins.used(given)
        origins.launch(given)
        result = run(function, *args, **kwargs)
        origins.ended(given)
        return result

    JITFunction.run = noting_run
    try:
        yield
    finally:
        JITFunction.run = run


def _elements(values: tuple[Any, ...]) -> int:
    """Those of the largest tensor, or list of tensors, of an operation; wide ones are several."""
    counts = (sum(map(_words, tensors_in((value,)))) for value in values)
    return max(counts, default=0)


def _words(tensor: torch.Tensor) -> int:
    """Numbers of four bytes, in as many as a tensor's elements can be packed."""
    return tensor.numel() * _words_each(tensor)


def _words_each(tensor: torch.Tensor) -> int:
    return max(1, tensor.itemsize // 4)


def _shown(tensor: torch.Tensor) -> int:
    """Numbers of four bytes that stand in a tensor's text."""
    if tensor.numel() <= PRINT_OPTS.threshold:
        return _words(tensor)
    edges = 2 * PRINT_OPTS.edgeitems
    return math.prod(int(min(size, edges)) for size in tensor.shape) * _words_each(tensor)


def _to_host(arguments: tuple[Any, ...], result: Any) -> bool:
    """Whether an operation copied data from a GPU to the host."""
    return (
        isinstance(result, torch.Tensor)
        and result.device.type == "cpu"
        and result.numel() > MOST_NUMBERS
        and any(isinstance(one, torch.Tensor) and one.device.type == "cuda" for one in arguments)
    )
