from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.judge.call import Call, Input, Opaque, Returned, Run, decode_runs, describe, leaves
from grader.judge.traffic import Traffic
from grader.protocol.frames import Message, ProtocolViolation
from grader.protocol.slots import Slot
from grader.report.measurements import kernel_lines
from grader.results import CaseResult, Device, Report, Status, TestResult
from grader.testing import Judged
from tests.protocol.forgery import json_values

HEADER = {"dtype": "float32", "shape": [2, 3], "strides": [3, 1], "offset": 0}
RETURNED = {"tensor": HEADER, "device": "cpu", "input": None, "memory": None}
RUN = {"result": RETURNED, "inputs_after": [], "violations": [], "findings": [], "launches": [],
       "compiled": []}  # fmt: skip


@pytest.fixture
def slot() -> Iterator[Slot]:
    """A slot that holds the numbers 0, 1, 2 and so on."""
    with Slot.create(4096, "test") as made:
        made.bytes(0, 4096).view(torch.float32).copy_(torch.arange(1024.0))
        yield made


def decoded(slot: Slot, **changes: Any) -> Run:
    (run,) = decode_runs({"runs": [RUN | changes]}, slot)
    return run


# ------------------------------------------------------------ honest replies


def test_a_returned_tensor_is_the_judges_own_copy(slot: Slot) -> None:
    result = decoded(slot).result
    slot.bytes(0, 4096).zero_()
    assert isinstance(result, Returned)
    assert result.tensor.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert result.tensor.is_contiguous()


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"value": None}, None),
        ({}, None),
        ({"value": True}, True),
        ({"value": 3}, 3),
        ({"value": 0.5}, 0.5),
        ({"other": "Tensor"}, Opaque("Tensor")),
        ({"items": []}, ()),
        ({"items": [{"value": 1}, {"items": [{"value": 2.5}]}]}, (1, (2.5,))),
    ],
)
def test_results_that_are_no_tensors_are_decoded(
    slot: Slot, message: Message, expected: Any
) -> None:
    result = decoded(slot, result=message).result
    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize(
    ("memory", "held"),
    [
        (None, (None, None)),
        (["input", 1], (1, None)),
        (["allocation", 4], (None, 4)),
    ],
)
def test_the_memory_of_a_result_is_an_index_or_nothing(
    slot: Slot, memory: Any, held: tuple[int | None, int | None]
) -> None:
    result = decoded(slot, result=RETURNED | {"memory": memory}).result
    assert isinstance(result, Returned)
    assert (result.input_memory, result.allocation) == held


def test_inputs_come_back_in_order_with_all_that_was_seen(slot: Slot) -> None:
    second = HEADER | {"offset": 256}
    run = decoded(slot, inputs_after=[HEADER, second], launches=[{"kernel": "k"}])
    assert [after[0, 0].item() for after in run.inputs_after] == [0, 64]
    assert run.launches == ({"kernel": "k", "tensors": []},)


@pytest.mark.parametrize("shape", [[0], [0, 5], [3, 0, 2]])
def test_an_empty_output_before_another_takes_nothing_from_it(slot: Slot, shape: list[int]) -> None:
    nothing = HEADER | {"shape": shape, "strides": [1] * len(shape)}
    items = [RETURNED | {"tensor": nothing}, RETURNED]
    empty, other = decoded(slot, result={"items": items}).result  # type: ignore[misc]
    assert list(empty.tensor.shape) == shape
    assert other.tensor.tolist() == [[0, 1, 2], [3, 4, 5]]


# ------------------------------------------------------------ forged replies


@pytest.mark.parametrize(
    "reply",
    [
        {},
        {"runs": None},
        {"runs": {}},
        {"runs": [1]},
        {"runs": [{}]},
        {"runs": [RUN | {"result": None}]},
        {"runs": [RUN | {"result": {"tensor": None}}]},
        {"runs": [RUN | {"result": {"value": "text"}}]},
        {"runs": [RUN | {"result": {"value": [1]}}]},
        {"runs": [RUN | {"result": {"other": 3}}]},
        {"runs": [RUN | {"result": {"items": 3}}]},
        {"runs": [RUN | {"result": RETURNED | {"device": None}}]},
        {"runs": [RUN | {"result": RETURNED | {"input": "0"}}]},
        {"runs": [RUN | {"result": RETURNED | {"input": True}}]},
        {"runs": [RUN | {"result": RETURNED | {"input": -1}}]},
        {"runs": [RUN | {"result": RETURNED | {"memory": "input"}}]},
        {"runs": [RUN | {"result": RETURNED | {"memory": ["input", -1]}}]},
        {"runs": [RUN | {"result": RETURNED | {"memory": ["input", "1"]}}]},
        {"runs": [RUN | {"result": RETURNED | {"memory": ["input", True]}}]},
        {"runs": [RUN | {"result": RETURNED | {"memory": ["elsewhere", 1]}}]},
        {"runs": [RUN | {"result": RETURNED | {"memory": ["input"]}}]},
        {"runs": [RUN | {"result": RETURNED | {"memory": ["input", 1, 2]}}]},
        {"runs": [RUN | {"result": RETURNED | {"memory": [["input"], 1]}}]},
        {"runs": [RUN | {"result": RETURNED | {"origin": "heaven"}}]},
        {"runs": [RUN | {"result": {"value": 2**64}}]},
        {"runs": [RUN | {"result": {"items": [{"value": 1}] * 17}}]},
        {"runs": [RUN | {"result": RETURNED | {"tensor": HEADER | {"offset": 4090}}}]},
        {"runs": [RUN | {"inputs_after": [None]}]},
        {"runs": [RUN | {"violations": {}}]},
        {"runs": [RUN | {"findings": ["text"]}]},
        {"runs": [RUN | {"launches": None}]},
        {"runs": [RUN | {"launches": [{"kernel": "k"}] * 513}]},
        {"runs": [RUN | {"launches": [{"kernel": "k", "tensors": [{}]}]}]},
        {"runs": [RUN | {"findings": [{"kind": "Out of bounds", "message": ""}]}]},
        {"runs": [RUN | {"audit": {"operations": []}}]},
        {"runs": [RUN] * 5000},
    ],
    ids=lambda reply: str(reply)[:60],
)
def test_a_reply_that_describes_no_runs_is_refused(slot: Slot, reply: Message) -> None:
    with pytest.raises(ProtocolViolation):
        decode_runs(reply, slot)


def test_results_nested_without_end_are_refused(slot: Slot) -> None:
    result: Message = {"value": 1}
    for _ in range(500):
        result = {"items": [result]}
    with pytest.raises(ProtocolViolation, match="nested"):
        decoded(slot, result=result)


@pytest.mark.parametrize("where", ["inputs_after", "items", "runs"])
def test_a_reply_cannot_make_the_judge_copy_the_same_bytes_again_and_again(
    slot: Slot, where: str
) -> None:
    whole = {"dtype": "int8", "shape": [4096], "strides": [1], "offset": 0}
    returned = RETURNED | {"tensor": whole}
    replies: dict[str, Message] = {
        "inputs_after": {"runs": [RUN | {"inputs_after": [whole] * 1000}]},
        "items": {"runs": [RUN | {"result": {"items": [returned] * 16}}]},
        "runs": {"runs": [RUN | {"result": returned}] * 1000},
    }
    with pytest.raises(ProtocolViolation, match="more than its slot holds"):
        decode_runs(replies[where], slot)


def reply_parts() -> st.SearchStrategy[Any]:
    """Replies that are right in most places and anything in others."""
    header = st.fixed_dictionaries(
        {
            "dtype": st.sampled_from(["float32", "int8", "bool"]) | json_values(),
            "shape": st.lists(st.integers(0, 2**62), max_size=4) | json_values(),
            "strides": st.lists(st.integers(0, 2**62), max_size=4) | json_values(),
            "offset": st.integers() | json_values(),
        }
    )
    returned = st.fixed_dictionaries(
        {"tensor": header | json_values(), "device": st.text() | json_values()},
        optional={"input": json_values(), "memory": json_values()},
    )
    items = st.fixed_dictionaries({"items": st.lists(returned | json_values(), max_size=3)})
    lists: st.SearchStrategy[Any] = st.just([]) | json_values()
    return st.fixed_dictionaries(
        {
            "result": returned | items | json_values(),
            "inputs_after": st.lists(header, max_size=2) | json_values(),
            "violations": lists,
            "findings": lists,
            "launches": lists,
            "compiled": lists,
        }
    )


@settings(max_examples=120, deadline=None)
@given(st.lists(reply_parts() | json_values(), max_size=2))
def test_any_reply_is_decoded_or_refused(runs: list[Any]) -> None:
    with Slot.create(4096, "test") as slot:
        try:
            found = decode_runs({"runs": runs}, slot)
        except ProtocolViolation:
            return
        call = Call("f", (), found, "interpreter")
        assert all(describe(run.result) for run in call.runs)
        assert isinstance(call.kernels, frozenset)


@pytest.mark.parametrize(
    "forged",
    [
        {"registers": "many"},
        {"occupancy": {"share": 1}},
        {"occupancy": True},
        {"load_bits": [128]},
        {"kernel": "k\x1b[2J"},
    ],
    ids=str,
)
def test_forged_facts_of_a_compiled_kernel_do_not_reach_a_report(
    slot: Slot, forged: Message
) -> None:
    honest = {"ok": True, "kernel": "k", "target": "sm_80", "registers": 8, "load_bits": 128}
    try:
        run = decoded(slot, compiled=[honest, honest | {"target": "sm_90"} | forged])
    except ProtocolViolation:
        return
    case = CaseResult("", Status.PASSED, share=1.0, kernels=run.compiled)
    device = Device("cpu", "interpreter")
    tests = (TestResult("test_it", "It", 1.0, (case,)),)
    report = Report("lesson01", "One", "lesson01.py", device, "none", "5eed", 1.0, tests)
    assert "\x1b" not in "".join(kernel_lines(report))


@pytest.mark.parametrize("reads", ["many", [1], {"a": 1}], ids=repr)
def test_forged_counts_of_traffic_are_a_verdict(reads: Any) -> None:
    entry = {"bytes_loaded": 10**6, "bytes_stored": 0, "reads_per_element": reads}
    run = Run(returned(torch.ones(1)), (), (), (), ({"kernel": "k", "tensors": [entry]},))
    with pytest.raises(Judged):
        Traffic()(lambda: Call("f", (), (run,), "interpreter"), at_most=1.0)  # type: ignore[arg-type]


# ------------------------------------------------------------------- a call


def run_with(result: Any, *kernels: str) -> Run:
    return Run(result, (), (), (), tuple({"kernel": name} for name in kernels))


def returned(tensor: torch.Tensor) -> Returned:
    return Returned(tensor, tensor.stride(), "cpu", None, None, None)


def test_the_kernels_of_a_call_are_those_that_every_run_launched() -> None:
    call = Call("f", (), (run_with(None, "a", "b", "b"), run_with(None, "b", "c")), "interpreter")
    assert call.kernels == {"b"}
    assert Call("f", (), (), "interpreter").kernels == frozenset()


def test_the_output_of_a_call_is_the_tensor_of_its_first_run() -> None:
    runs = (run_with(returned(torch.ones(1))), run_with(returned(torch.zeros(1))))
    assert Call("f", (), runs, "interpreter").output.item() == 1


def test_a_call_that_returned_no_tensor_has_no_output() -> None:
    call = Call("f", (Input("x", torch.ones(1)),), (run_with((1, 2)),), "interpreter")
    with pytest.raises(TypeError, match=r"f returned a tuple of 2, not a tensor"):
        _ = call.output


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (returned(torch.ones(2, 3)), "a tensor of shape (2, 3)"),
        (Opaque("dict"), "an object of type dict"),
        ((1, 2), "a tuple of 2"),
        (None, "None"),
        (True, "True"),
        (1.5, "1.5"),
    ],
)
def test_a_returned_value_has_words(result: Any, words: str) -> None:
    assert describe(result) == words


def test_names_of_types_reach_the_terminal_without_its_escapes(slot: Slot) -> None:
    result = decoded(slot, result={"other": "\x1b[2J\ud800evil\x07" + "x" * 200}).result
    assert isinstance(result, Opaque)
    assert result.type_name == ("evil" + "x" * 200)[:80]


def test_all_values_of_a_nested_result_can_be_visited() -> None:
    assert list(leaves((1, (2, (), 3), None))) == [1, 2, 3, None]
