"""One call as a lesson's test asks for it, before anything is sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from grader.judge.call import Input
from grader.lesson import Function
from grader.protocol.frames import Message
from grader.protocol.tensors import encode_argument, span

# A call needs its inputs' memory in each run, and as much again for what it returns; what was
# returned by a run is kept until all have ended. This many times the inputs is enough for that.
_NEEDED = 4

# Memory is poisoned differently in each run, so that what depends on it shows.
RUNS = 2


@dataclass(frozen=True)
class Scenario:
    """A function of the course that runs in the worker around the submission's function.

    Attributes:
        name: Its name.
        text: The module that defines it; empty for the grader's own ``grader.scenarios``.
    """

    name: str
    text: str = ""


@dataclass(frozen=True)
class Invocation:
    """What to call with what.

    Attributes:
        function: The submission's function, and the kernels that it must launch.
        args: Arguments: tensors, numbers, dtypes, and tuples of these.
        kwargs: Keyword arguments.
        inputs: The tensors among the arguments in the order in which they are sent, named.
        scenario: What runs around the function; ``None`` calls it as it is.
        runs: How often, each time in differently poisoned memory.
        guarded: Whether allocations get red zones and poison; a loop of many steps does
            without, since all of them would stay alive.
    """

    function: Function
    args: Sequence[Any]
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    inputs: tuple[Input, ...] = ()
    scenario: Scenario | None = None
    runs: int = RUNS
    guarded: bool = True

    @property
    def name(self) -> str:
        """The function's name, as students know it."""
        return self.function.name

    @property
    def needs(self) -> list[int]:
        """Bytes of each block of memory that a worker may need for inputs and results."""
        blocks = [
            span(given.tensor.shape, given.tensor.stride()) * given.tensor.itemsize
            for given in self.inputs
        ]
        return blocks * (_NEEDED * self.runs)

    def encode(self) -> tuple[Message, list[torch.Tensor]]:
        """The request without its scenario's place, and the tensors that it refers to."""
        tensors: list[torch.Tensor] = []
        message: Message = {
            "function": self.name,
            "args": [encode_argument(value, tensors) for value in self.args],
            "kwargs": {key: encode_argument(value, tensors) for key, value in self.kwargs.items()},
            "runs": self.runs,
            "guarded": self.guarded,
        }
        return message, tensors


def named_inputs(
    names: Sequence[str], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> tuple[Input, ...]:
    """The tensors among the arguments, in the order in which they are sent.

    Args:
        names: The function's parameters, as far as they are known.
        args: Positional arguments.
        kwargs: Keyword arguments.
    """
    labels = [*names[: len(args)], *([""] * (len(args) - len(names))), *kwargs]
    values = [*args, *kwargs.values()]
    tensors = [
        (label, tensor)
        for label, value in zip(labels, values, strict=True)
        for tensor in _tensors(value)
    ]
    return tuple(
        Input(label or f"argument {position}", tensor)
        for position, (label, tensor) in enumerate(tensors, start=1)
    )


def _tensors(value: Any) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _tensors(item)
