"""Calls as the worker runs them, up to what the judge decodes; without kernels or a process."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from grader.judge.call import Opaque, Returned, Run, decode_runs
from grader.protocol.frames import Message, parse
from grader.protocol.slots import Slot
from grader.protocol.tensors import encode_argument, layout, write
from grader.worker.calls import Shortage, execute
from grader.worker.loading import SubmissionRaised
from grader.worker.memory import GuardedMemory, guarded_allocations
from grader.worker.tiers import Evidence


class PlainTier:
    """A tier that runs nothing but Python and torch."""

    name = "plain"
    device = torch.device("cpu")
    targets: tuple[str, ...] = ()
    compile_cache: Path | None = None

    def describe(self) -> Message:
        return {}

    @contextmanager
    def watch(self, memory: GuardedMemory, guarded: bool) -> Iterator[Evidence]:
        with guarded_allocations(memory, self.device):
            yield Evidence(launches=[{"kernel": "k"}])

    def finish(self) -> None:
        pass


def call(function: Callable[..., Any], *args: Any, runs: int = 2, **kwargs: Any) -> tuple[Run, ...]:
    """What the judge gets of a call, all the way through request, slots and reply."""
    tensors: list[torch.Tensor] = []
    request: Message = {
        "function": "function",
        "runs": runs,
        "guarded": True,
        "args": [encode_argument(value, tensors) for value in args],
        "kwargs": {name: encode_argument(value, tensors) for name, value in kwargs.items()},
    }
    headers, nbytes = layout(tensors)
    request["tensors"] = [header.to_json() for header in headers]
    module = SimpleNamespace(function=function)
    with Slot.create(nbytes, "input") as given:
        for header, tensor in zip(headers, tensors, strict=True):
            write(given, header, tensor)
        outcome = execute(request, module, given, PlainTier())
        with Slot.create(outcome.nbytes, "output") as slot:
            outcome.write(slot)
            return decode_runs(parse(json.dumps({"runs": outcome.runs}).encode()), slot)


def returned(run: Run) -> Returned:
    assert isinstance(run.result, Returned)
    return run.result


def test_a_call_gets_what_was_sent_and_gives_back_what_it_made() -> None:
    def function(x: torch.Tensor, factor: float, *, offset: torch.Tensor, kind: Any) -> Any:
        return (x * factor + offset).to(kind)

    x, offset = torch.arange(6.0).view(2, 3), torch.ones(3)
    for run in call(function, x.t(), 2.0, offset=offset[:2], kind=torch.bfloat16):
        result = returned(run)
        assert torch.equal(result.tensor, (x.t() * 2 + 1).to(torch.bfloat16))
        assert (result.device, result.input_index, result.input_memory) == ("cpu", None, None)
        assert [launch["kernel"] for launch in run.launches] == ["k"]
        assert run.violations == ()


@pytest.mark.parametrize("runs", [1, 2])
def test_each_run_gets_its_inputs_anew(runs: int) -> None:
    done = call(lambda x: x.add_(1), torch.zeros(3), runs=runs)
    assert [returned(run).tensor.tolist() for run in done] == [[1, 1, 1]] * runs
    assert [run.inputs_after[0].tolist() for run in done] == [[1, 1, 1]] * runs


def test_memory_that_was_never_set_differs_between_the_runs() -> None:
    first, second = call(lambda: torch.empty(4, dtype=torch.int32))
    assert (returned(first).tensor != returned(second).tensor).all()


def test_the_same_tensor_given_twice_is_two_inputs() -> None:
    x = torch.ones(2)
    (run,) = call(lambda a, b: a.add_(b), x, x, runs=1)
    assert [after.tolist() for after in run.inputs_after] == [[2, 2], [1, 1]]


@pytest.mark.parametrize(
    ("function", "index", "memory"),
    [
        (lambda x, y: y, 1, 1),
        (lambda x, y: y.view(-1), None, 1),
        (lambda x, y: x[1:], None, 0),
        (lambda x, y: x.detach(), None, 0),
        (lambda x, y: x + y, None, None),
    ],
    ids=["an input", "all of an input", "part of an input", "an input by another name", "new"],
)
def test_a_result_that_shares_memory_with_an_input_is_seen(
    function: Callable[..., Any], index: int | None, memory: int | None
) -> None:
    for run in call(function, torch.ones(4), torch.ones(4)):
        assert returned(run).input_index == index
        assert returned(run).input_memory == memory


def test_a_result_in_the_functions_own_allocation_is_attributed_to_it() -> None:
    (run,) = call(lambda x: torch.zeros_like(x)[1:], torch.ones(4), runs=1)
    assert returned(run).allocation == 1


def test_what_is_written_when_the_result_is_let_go_comes_too_late() -> None:
    def at_the_end(result: torch.Tensor) -> Any:
        try:
            yield
        finally:
            result.fill_(7)

    def function(x: torch.Tensor) -> torch.Tensor:
        result: Any = torch.zeros_like(x)
        result.keeper = at_the_end(result.detach())
        next(result.keeper)
        return result  # type: ignore[no-any-return]

    for run in call(function, torch.ones(3)):
        assert returned(run).tensor.tolist() == [0, 0, 0]


def test_elements_that_repeat_are_kept_once_until_they_are_sent() -> None:
    (run,) = call(lambda x: x.mul(2)[:, None].expand(-1, 3), torch.ones(2), runs=1)
    assert returned(run).strides == (1, 0)
    assert returned(run).tensor.tolist() == [[2, 2, 2], [2, 2, 2]]


def test_an_assignment_to_a_slice_may_be_undone_by_autograd() -> None:
    class Double(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
            return x * 2

        @staticmethod
        def backward(ctx: Any, gradient: torch.Tensor) -> Any:
            return gradient * 2

    def function(x: torch.Tensor) -> torch.Tensor:
        leaf = x.detach().requires_grad_()
        out = torch.zeros_like(x)
        out[:2] = Double.apply(leaf[:2])
        (gradient,) = torch.autograd.grad(out, leaf, torch.ones_like(out))
        return gradient

    (run,) = call(function, torch.ones(4), runs=1)
    assert returned(run).tensor.tolist() == [2, 2, 0, 0]
    assert run.violations == ()


def test_strides_of_a_result_are_told_and_its_elements_come_compact() -> None:
    (run,) = call(lambda x: x.clone().t(), torch.arange(6.0).view(2, 3), runs=1)
    assert returned(run).strides == (1, 3)
    assert returned(run).tensor.is_contiguous()
    assert returned(run).tensor.tolist() == [[0, 3], [1, 4], [2, 5]]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (3, 3),
        (0.5, 0.5),
        ((), ()),
        ((1, (2.0, None)), (1, (2.0, None))),
        ([1, 2], (1, 2)),
        ("text", Opaque("str")),
        ({"a": 1}, Opaque("dict")),
        (torch.ones(1, dtype=torch.complex64), Opaque("Tensor")),
        ([[[[1]]]], ((Opaque("list"),),)),
        (tuple(range(17)), Opaque("tuple")),
    ],
    ids=repr,
)
def test_a_result_that_is_no_tensor_is_told_as_a_value_or_by_its_type(
    value: Any, expected: Any
) -> None:
    (run,) = call(lambda: value, runs=1)
    assert run.result == expected


def test_several_tensors_come_back_in_order() -> None:
    (run,) = call(lambda x: (x + 1, (x + 2, 5)), torch.zeros(2), runs=1)
    result: Any = run.result
    first, (second, number) = result
    assert (first.tensor.tolist(), second.tensor.tolist(), number) == ([1, 1], [2, 2], 5)


@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2)])
def test_single_numbers_and_empty_tensors_go_there_and_back(shape: Sequence[int]) -> None:
    for run in call(lambda x: x * 2, torch.ones(shape)):
        assert torch.equal(returned(run).tensor, torch.full(shape, 2.0))


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(3), KeyboardInterrupt()])
def test_whatever_the_function_raises_is_the_submissions_error(error: BaseException) -> None:
    def function() -> None:
        raise error

    with pytest.raises(SubmissionRaised) as raised:
        call(function)
    assert raised.value.__cause__ is error


def test_a_function_that_the_module_does_not_have_is_the_submissions_error() -> None:
    request = {
        "function": "absent",
        "runs": 2,
        "tensors": [],
        "args": [],
        "kwargs": {},
        "guarded": True,
    }
    with pytest.raises(SubmissionRaised):
        execute(request, SimpleNamespace(), None, PlainTier())


def test_inputs_for_which_there_is_no_memory_are_a_shortage_and_no_error() -> None:
    huge = {"dtype": "float32", "shape": [2], "strides": [2**50], "offset": 0}
    request = {
        "function": "f",
        "runs": 1,
        "tensors": [huge],
        "args": [],
        "kwargs": {},
        "guarded": True,
    }
    with Slot.create(8, "input") as slot, pytest.raises(Shortage):
        execute(request, SimpleNamespace(f=None), slot, PlainTier())


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x.resize_(0),
        lambda x: x.resize_(100_000),
        lambda x: x.set_(torch.ones(3)),
        lambda x: setattr(x, "data", torch.ones(2, 2)),
        lambda x: x.requires_grad_(),
        lambda x: x.unsqueeze_(0),
    ],
    ids=["made empty", "enlarged", "set", "data", "needs gradient", "reshaped"],
)
def test_a_call_that_plays_with_the_tensor_object_of_an_input_is_still_described(
    change: Callable[[torch.Tensor], Any],
) -> None:
    def function(x: torch.Tensor) -> torch.Tensor:
        y = x * 2
        change(x)
        return y

    for run in call(function, torch.ones(4)):
        assert returned(run).tensor.tolist() == [2] * 4
        assert len(run.inputs_after) == 1
        assert run.violations == ()


class Loud(torch.Tensor):
    """A tensor whose every operation is student code."""

    @classmethod
    def __torch_function__(cls, *args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("student code ran in the harness")


def cut_off() -> torch.Tensor:
    tensor = torch.ones(20)
    tensor.untyped_storage().resize_(8)
    return tensor


@pytest.mark.parametrize(
    "value",
    [
        cut_off(),
        torch.ones(2).as_subclass(Loud),
        torch.eye(2).to_sparse(),
        torch.nested.nested_tensor([torch.ones(1), torch.ones(2)]),
        torch.ones(2, device="meta"),
    ],
    ids=["cut off", "of another class", "sparse", "nested", "without data"],
)
def test_a_tensor_that_is_no_plain_memory_is_told_by_its_type(value: torch.Tensor) -> None:
    (run,) = call(lambda: value, runs=1)
    assert run.result == Opaque(type(value).__name__)
