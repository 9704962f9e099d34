"""The verdict on a call, from replies as the worker would give them; no worker runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from grader.judge.call import Call, Input, Opaque, Result, Returned, Run
from grader.judge.check import Check
from grader.judge.source import SubmissionSource
from grader.protocol.poison import unwritten_word
from grader.results import Diagnosis, Status
from grader.testing import Judged, Mistake, Output

SOURCE = """\
import triton.language as tl

def add_kernel(z, x, n):
    x = tl.load(x, mask=n)
    tl.store(z, x)

def add(x):
    ...
"""
EXPECTED = torch.arange(1.0, 7.0).view(2, 3)
X, Y = EXPECTED - 1, torch.ones(2, 3)


@pytest.fixture
def check() -> Check:
    return Check(SubmissionSource(Path("lesson01.py"), SOURCE.encode()))


def returned(tensor: torch.Tensor = EXPECTED, **changes: Any) -> Returned:
    layout = Returned(tensor.contiguous(), tensor.stride(), "cpu", None, None, 2)
    return replace(layout, **changes)


def a_run(result: Result, **changes: Any) -> Run:
    return replace(Run(result, (X, Y), (), (), ({"kernel": "add_kernel"},)), **changes)


def a_call(*runs: Run, function: str = "add", device: str = "interpreter") -> Call:
    kernels = ("add_kernel",) if function == "add" else ()
    return Call(function, (Input("x", X), Input("y", Y)), runs, device, kernels)


def call_of(result: Result, **changes: Any) -> Call:
    """A call that gave the same result in both of its runs."""
    return a_call(a_run(result, **changes), a_run(result, **changes))


def verdict(check: Check, call: Call, expected: torch.Tensor = EXPECTED, **how: Any) -> Judged:
    with pytest.raises(Judged) as judged:
        check(call, expected, **how)
    return judged.value


def diagnosis(check: Check, call: Call, expected: torch.Tensor = EXPECTED, **how: Any) -> Diagnosis:
    judged = verdict(check, call, expected, **how)
    assert judged.status is Status.FAILED
    return judged.diagnosis


# --------------------------------------------------------------------- right


@pytest.mark.parametrize("how", [{"exact": True}, {}, {"error": 1e-6}])
def test_a_right_result_passes_and_counts_as_a_check(check: Check, how: dict[str, Any]) -> None:
    check(call_of(returned()), EXPECTED, **how)
    check(call_of(returned()), EXPECTED.double(), dtype=torch.float32, **how)
    assert check.verdicts == 2


def test_a_failed_check_counts_too(check: Check) -> None:
    verdict(check, call_of(None))
    assert check.verdicts == 1


@pytest.mark.parametrize("shape", [(), (0,), (3, 0)])
def test_single_numbers_and_empty_results_can_be_right(
    check: Check, shape: tuple[int, ...]
) -> None:
    expected = torch.ones(shape)
    check(call_of(returned(expected)), expected)


# ------------------------------------------------------------ what came back


@pytest.mark.parametrize(
    ("result", "kind", "words"),
    [
        (None, "wrong-type", "returned None"),
        (3.5, "wrong-type", "returned 3.5"),
        (True, "wrong-type", "returned True"),
        ((returned(),), "wrong-type", "a tuple of 1"),
        (Opaque("ndarray"), "wrong-type", "an object of type ndarray"),
        (returned(EXPECTED.t()), "wrong-shape", "shape (3, 2), expected (2, 3)"),
        (returned(EXPECTED.flatten()), "wrong-shape", "shape (6,), expected (2, 3)"),
        (returned(EXPECTED.double()), "wrong-dtype", "returned float64, expected float32"),
        (returned(EXPECTED.long()), "wrong-dtype", "returned int64, expected float32"),
        (returned(device="cuda"), "wrong-device", "on 'cuda'"),
        (returned(device="\x1b[2J"), "wrong-device", r"on '\x1b[2J'"),
        (returned(input_memory=1), "output-aliases-input", "its input y"),
        (returned(input_index=0, input_memory=0), "output-aliases-input", "its input x"),
        (returned(EXPECTED.t().contiguous().t()), "wrong-layout", "strides (1, 2)"),
        (returned(strides=(0, 1)), "wrong-layout", "strides (3, 1)"),
    ],
)
def test_what_is_no_new_tensor_of_the_right_form_is_named(
    check: Check, result: Result, kind: str, words: str
) -> None:
    found = diagnosis(check, call_of(result))
    assert found.kind == kind
    assert words in found.message


def test_the_second_run_may_not_return_something_else(check: Check) -> None:
    call = a_call(a_run(returned()), a_run(None))
    assert diagnosis(check, call).kind == "wrong-type"


def test_an_output_on_the_gpu_is_expected_where_kernels_run_there(check: Check) -> None:
    run = a_run(returned(device="cuda"))
    check(a_call(run, run, device="NVIDIA H200"), EXPECTED)
    call = a_call(a_run(returned()), device="NVIDIA H200")
    assert diagnosis(check, call).kind == "wrong-device"


def test_strides_of_dimensions_of_one_element_make_no_difference(check: Check) -> None:
    expected = torch.ones(1, 4)
    check(call_of(returned(expected, strides=(77, 1))), expected)


def test_memory_of_an_input_that_there_is_not_is_no_alias(check: Check) -> None:
    check(call_of(returned(input_memory=2)), EXPECTED)


# ------------------------------------------------------------------ in place


def in_place(result: torch.Tensor, **changes: Any) -> Call:
    returned_x = returned(result, input_index=0, input_memory=0)
    return call_of(replace(returned_x, **changes), inputs_after=(result, Y))


def test_a_function_that_changes_its_first_argument_may_be_asked_for(check: Check) -> None:
    check(in_place(EXPECTED), EXPECTED, in_place=True)


def test_in_place_asks_for_the_very_argument(check: Check) -> None:
    call = call_of(returned(input_index=1, input_memory=1))
    assert diagnosis(check, call, in_place=True).kind == "not-in-place"
    assert diagnosis(check, call_of(returned()), in_place=True).kind == "not-in-place"


def test_in_place_lets_only_the_first_argument_change(check: Check) -> None:
    call = in_place(EXPECTED)
    touched = tuple(replace(run, inputs_after=(EXPECTED, Y + 1)) for run in call.runs)
    assert diagnosis(check, replace(call, runs=touched), in_place=True).kind == "input-modified"


# -------------------------------------------------------------- wrong values


def test_wrong_values_get_the_line_of_the_only_store(check: Check) -> None:
    got = EXPECTED.clone()
    got[1] += 1
    found = diagnosis(check, call_of(returned(got)))
    assert (found.kind, found.line) == ("wrong-row-stride", 5)


def test_what_was_never_written_is_not_blamed_on_the_store(check: Check) -> None:
    got = EXPECTED.clone()
    word = unwritten_word(torch.float32, run=0)
    got[:, 2] = torch.full((2,), word, dtype=torch.int32).view(torch.float32)
    found = diagnosis(check, call_of(returned(got)))
    assert (found.kind, found.line) == ("columns-not-written", None)


def test_a_known_mistake_is_named(check: Check) -> None:
    mistake = Mistake("adds-twice", "y was added twice.", X + 2 * Y)
    found = diagnosis(check, call_of(returned(X + 2 * Y)), mistakes=[mistake])
    assert (found.kind, found.message) == ("adds-twice", "y was added twice.")


def test_a_result_that_is_right_in_one_run_only_is_unstable(check: Check) -> None:
    for runs in [(EXPECTED, EXPECTED + 1), (EXPECTED + 1, EXPECTED)]:
        call = a_call(*(a_run(returned(tensor)) for tensor in runs))
        assert diagnosis(check, call).kind == "unstable-result"


# ----------------------------------------------------------- faulty accesses

FINDING = {
    "kind": "out-of-bounds",
    "access": "store",
    "masked": "none",
    "line": 5,
    "int32_overflow": False,
    "message": "Index 6 of z is out of bounds.",
}
VIOLATION = {"role": "allocation", "index": 2, "side": "after", "first": 6, "count": 10}


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, "missing-store-mask"),
        ({"masked": "some"}, "wrong-mask"),
        ({"access": "load"}, "missing-load-mask"),
        ({"access": "load", "masked": "all"}, "wrong-mask"),
        ({"access": "atomic"}, "out-of-bounds"),
        ({"int32_overflow": True}, "offset-overflow"),
        ({"kind": "write-write-race"}, "write-write-race"),
        ({"kind": "uninitialised-read", "access": "load"}, "uninitialised-read"),
    ],
)
def test_a_faulty_access_fails_a_right_result(
    check: Check, changes: dict[str, Any], kind: str
) -> None:
    found = diagnosis(check, call_of(returned(), findings=(FINDING | changes,)))
    assert (found.kind, found.line, found.message) == (kind, 5, FINDING["message"])


def test_the_access_that_does_most_harm_is_named_first(check: Check) -> None:
    load, store = FINDING | {"access": "load", "line": 4}, FINDING
    overflow = load | {"int32_overflow": True, "line": 3}
    assert diagnosis(check, call_of(returned(), findings=(load, store))).line == 5
    assert diagnosis(check, call_of(returned(), findings=(load, store, overflow))).line == 3


@pytest.mark.parametrize(
    ("changes", "kind", "words"),
    [
        ({}, "missing-store-mask",
         "10 elements after the end of a tensor that the function allocated"),
        ({"side": "before", "first": -10}, "wrong-mask", "before the start of"),
        ({"role": "input", "index": 1}, "missing-store-mask", "after the end of the input y"),
        ({"role": "input", "index": 9}, "missing-store-mask", "a tensor that the function"),
        ({"role": "input", "index": -1}, "missing-store-mask", "a tensor that the function"),
    ],
)  # fmt: skip
def test_a_store_into_a_red_zone_fails_a_right_result(
    check: Check, changes: dict[str, Any], kind: str, words: str
) -> None:
    found = diagnosis(check, call_of(returned(), violations=(VIOLATION | changes,)))
    assert (found.kind, found.line) == (kind, 5)
    assert words in found.message


@pytest.mark.parametrize(
    "forged",
    [
        {"findings": ({},)},
        {"findings": (FINDING | {"kind": 3},)},
        {"findings": (FINDING | {"message": None},)},
        {"findings": (FINDING | {"line": "5"},)},
        {"findings": (FINDING | {"access": ["store"]},)},
        {"findings": (FINDING | {"int32_overflow": True, "message": 5},)},
        {"violations": ({},)},
        {"violations": (VIOLATION | {"first": "6"},)},
        {"violations": (VIOLATION | {"index": None},)},
    ],
    ids=str,
)
def test_forged_evidence_is_refused(check: Check, forged: dict[str, Any]) -> None:
    judged = verdict(check, call_of(returned(), **forged))
    assert (judged.status, judged.diagnosis.kind) == (Status.REFUSED, "malformed-frame")


# ------------------------------------------------------------- side effects


@pytest.mark.parametrize("which", [0, 1])
def test_an_input_that_changed_is_named(check: Check, which: int) -> None:
    after = [X, Y]
    after[which] = after[which].clone().fill_(7)
    found = diagnosis(check, call_of(returned(), inputs_after=tuple(after)))
    assert found.kind == "input-modified"
    assert f"its input {'xy'[which]}: all elements" in found.message


def test_an_input_changed_in_the_second_run_only_is_found(check: Check) -> None:
    call = a_call(a_run(returned()), a_run(returned(), inputs_after=(X, Y + 1)))
    assert diagnosis(check, call).kind == "input-modified"


def test_inputs_that_hold_nan_are_unchanged_when_they_still_do(check: Check) -> None:
    nan = torch.full((2,), float("nan"))
    run = replace(a_run(returned(nan)), inputs_after=(nan,))
    check(Call("add", (Input("x", nan),), (run, run), "interpreter"), nan)


@pytest.mark.parametrize("after", [(X.double(), Y), (X.flatten(), Y)], ids=["dtype", "shape"])
def test_an_input_that_came_back_as_another_tensor_is_refused(check: Check, after: Any) -> None:
    judged = verdict(check, call_of(returned(), inputs_after=after))
    assert (judged.status, judged.diagnosis.kind) == (Status.REFUSED, "malformed-frame")


# ----------------------------------------------------------------- provenance


@pytest.mark.parametrize("launches", [(), ({"kernel": "add"},)])
def test_a_right_result_without_its_kernel_is_refused(check: Check, launches: Any) -> None:
    judged = verdict(check, call_of(returned(), launches=launches))
    assert (judged.status, judged.diagnosis.kind) == (Status.REFUSED, "kernel-not-launched")
    assert "add_kernel" in judged.diagnosis.message


def test_the_kernel_must_be_launched_in_every_run(check: Check) -> None:
    call = a_call(a_run(returned()), a_run(returned(), launches=()))
    assert verdict(check, call).diagnosis.kind == "kernel-not-launched"


def test_a_wrong_result_without_its_kernel_is_wrong_first(check: Check) -> None:
    assert diagnosis(check, call_of(returned(EXPECTED + 1), launches=())).kind == "wrong-value"


def test_nothing_needs_a_launch_to_compute_an_empty_result(check: Check) -> None:
    expected = torch.empty(0, 3)
    check(call_of(returned(expected), launches=()), expected)


def test_a_function_without_kernels_may_compute_as_it_likes(check: Check) -> None:
    run = a_run(returned(), launches=())
    check(a_call(run, run, function="plain"), EXPECTED)


# ------------------------------------------------------- mistakes of the lesson


def test_a_mistake_of_the_lesson_is_no_verdict_on_the_student(check: Check) -> None:
    with pytest.raises(AttributeError):
        check(call_of(returned()), "text")  # type: ignore[arg-type]


# ------------------------------------------------------------ several outputs


def tuple_call(*pairs: tuple[Result, ...]) -> Call:
    """A call whose runs each returned a tuple."""
    return a_call(*(a_run(items) for items in pairs))


def test_each_output_of_a_tuple_is_held_to_what_it_must_be(check: Check) -> None:
    items = (returned(), returned(X), None)
    check.outputs(
        tuple_call(items, items),
        Output("y", EXPECTED, exact=True),
        Output("dx", X, exact=True),
        Output("dreference", None),
    )
    assert check.verdicts == 1


@pytest.mark.parametrize(
    ("items", "kind", "named"),
    [
        ((returned(), returned(X + 1), None), "wrong-value", "dx: "),
        ((returned(), returned(X[:1]), None), "wrong-shape", "dx of add() has shape (1, 3)"),
        ((returned(), returned(X.half()), None), "wrong-dtype", "dx of add() is float16"),
        ((returned(), None, None), "wrong-type", "dx of add() is None, expected a tensor"),
        ((returned(), returned(X), returned(X)), "wrong-type", "dr of add() is a tensor"),
        ((returned(), returned(X)), "wrong-type", "a tuple of 2, expected a tuple of 3"),
        (returned(), "wrong-type", "expected a tuple of 3"),
    ],
)
def test_a_wrong_item_of_a_tuple_is_named(
    check: Check, items: Result, kind: str, named: str
) -> None:
    wanted = Output("y", EXPECTED), Output("dx", X), Output("dr", None)
    with pytest.raises(Judged) as judged:
        check.outputs(call_of(items), *wanted)
    assert judged.value.diagnosis.kind == kind
    assert named in judged.value.diagnosis.message


def test_runs_that_differ_within_the_tolerance_fail_only_where_bits_are_asked_for(
    check: Check,
) -> None:
    call = a_call(a_run(returned()), a_run(returned(EXPECTED + 1e-6)))
    check(call, EXPECTED, error=1e-5)
    found = diagnosis(check, call, error=1e-5, deterministic=True)
    assert found.kind == "not-deterministic"
