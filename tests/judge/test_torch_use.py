"""What torch may do in a call: allocate, copy, view, and what a lesson allows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch

from grader.judge.call import Call, Input
from grader.judge.conduct import Conduct, base_name
from grader.judge.provenance import require_own_work
from tests.judge.conducts import TEXT, audit, conduct, kind, refusal


@pytest.mark.parametrize(
    "name",
    [
        "aten::empty_like", "aten::zeros", "aten::fill_", "aten::zero_", "aten::clone",
        "aten::copy_", "aten::_to_copy", "aten::cat", "aten::constant_pad_nd",
        "aten::_unsafe_view", "aten::_reshape_alias", "aten::slice_backward",
        "aten::_local_scalar_dense", "aten::lift_fresh", "aten::arange",
        "profiler::_record_function_enter_new", "profiler::_record_function_exit",
    ],
)  # fmt: skip
def test_allocating_copying_and_viewing_is_everybodys_right(name: str) -> None:
    require_own_work(conduct(audit(name)), TEXT)


@pytest.mark.parametrize(
    "name",
    [
        "aten::_softmax", "aten::add", "aten::mm", "aten::sum", "aten::mul_", "aten::index_put_",
        "aten::where", "aten::masked_fill_", "aten::_foreach_add_", "aten::native_dropout",
        "mine::copy_", "prims::add", "triton::kernel", "profiler::mine",
    ],
)  # fmt: skip
def test_computing_with_torch_is_refused(name: str) -> None:
    assert kind(conduct(audit("aten::empty", name))) == "torch-instead-of-kernel"


def test_a_refusal_says_what_where_why_and_what_to_do() -> None:
    diagnosis = refusal(conduct(audit("aten::_softmax", line=12))).diagnosis

    assert diagnosis.line == 12
    assert diagnosis.message.startswith("add() computes with torch in line 12: softmax.")
    assert "do this step in one of" in diagnosis.message


def test_a_line_that_is_not_known_is_left_out() -> None:
    diagnosis = refusal(conduct(audit("aten::exp", line=None))).diagnosis

    assert (diagnosis.line, " in line" in diagnosis.message) == (None, False)


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("aten::sum", "sum"),
        ("aten::add_", "add"),
        ("aten::_foreach_add_", "add"),
        ("aten::add", "_foreach_add"),
        ("aten::mm", "matmul"),
        ("aten::addmm", "linear"),
        ("aten::threshold_backward", "relu"),
        ("aten::embedding_dense_backward", "embedding"),
        ("aten::ge", "clamp"),
        ("aten::clamp_min", "clamp"),
        ("aten::where", "clamp_min"),
        ("aten::clamp", "clip"),
        ("aten::div", "true_divide"),
        ("aten::lt", "maximum"),
        ("aten::gt", "where"),
        ("aten::_fused_sgd_", "optim.SGD"),
        ("aten::linalg_vector_norm", "nn.utils.clip_grad_norm"),
    ],
)
def test_what_a_lesson_allows_is_allowed_with_all_that_torch_runs_for_it(
    name: str, allowed: str
) -> None:
    require_own_work(conduct(audit(name), allowed=[allowed]), TEXT)


def test_what_a_lesson_allows_for_totals_may_not_work_on_data() -> None:
    seen = audit("aten::sum", "aten::div", elements=500)

    require_own_work(conduct(seen, allowed=["sum", "div"], most_elements=1000), TEXT)
    found = refusal(conduct(seen, allowed=["sum", "div"], most_elements=999)).diagnosis
    assert (found.kind, found.line) == ("torch-instead-of-kernel", 7)
    assert "div, sum may be used here for totals and counts" in found.message


def test_allocating_and_copying_may_be_as_large_as_data() -> None:
    seen = audit("aten::zeros", "aten::copy_", "aten::cat", elements=10**9)

    require_own_work(conduct(seen, allowed=["sum"], most_elements=64), TEXT)


@pytest.mark.parametrize(
    ("shapes", "most"),
    [
        ([], 64),
        ([(5,)], 80),
        ([(7, 1000), (7,)], 3500),
        ([(4096, 10), (4096,)], 16 * 4096),
        ([(2, 3, 40000)], 120_000),
    ],
)
def test_totals_are_some_numbers_a_row_or_less_than_all_elements(
    shapes: Sequence[tuple[int, ...]], most: int
) -> None:
    inputs = tuple(Input("x", torch.empty(shape)) for shape in shapes)
    made = Call("f", inputs, (), "interpreter")

    assert Conduct.of(made).most_elements == most
    assert Conduct.of(replace(made, whole_tensors=True)).most_elements is None


def test_what_a_lesson_allows_is_named_in_a_refusal() -> None:
    diagnosis = refusal(conduct(audit("aten::exp"), allowed=["sum", "autograd.grad"])).diagnosis

    assert diagnosis.message.endswith("viewing tensors, and here for sum.")


@pytest.mark.parametrize("name", ["tolist", "numpy", "__array__", "cpu", "untyped_storage"])
def test_computing_in_python_is_refused(name: str) -> None:
    diagnosis = refusal(conduct(audit(f"aten::{name}"))).diagnosis

    assert diagnosis.kind == "torch-instead-of-kernel"
    assert "out of torch in line 7" in diagnosis.message


def test_numbers_may_be_read_one_by_one_while_they_are_few() -> None:
    few = audit("aten::_local_scalar_dense", count=64, elements=64)
    many = audit("aten::_local_scalar_dense", count=65, elements=65)
    wide = audit("aten::_local_scalar_dense", count=20, elements=80)  # as complex numbers

    require_own_work(conduct(few, most_elements=64), TEXT)
    require_own_work(conduct(many, allowed=["item"], most_elements=64), TEXT)
    assert "65 numbers" in refusal(conduct(many, most_elements=64)).diagnosis.message
    assert "80 numbers" in refusal(conduct(wide, most_elements=64)).diagnosis.message


def test_numbers_read_on_several_lines_are_summed_up() -> None:
    lines = [
        audit("aten::item", line=n, count=20, elements=20)["operations"][0] for n in range(1, 5)
    ]

    found = refusal(conduct({**audit(), "operations": lines}, most_elements=64)).diagnosis

    assert "80 numbers" in found.message


def test_a_loop_of_training_may_read_a_number_in_each_step() -> None:
    require_own_work(conduct(audit("aten::item", count=4096, elements=4096)), TEXT)

    assert kind(conduct(audit("aten::item", count=4097))) == "torch-instead-of-kernel"


def test_a_few_scalars_may_be_computed_with_where_a_lesson_allows_totals() -> None:
    seen = audit("aten::mul", "aten::sub", count=3, elements=3)

    require_own_work(conduct(seen, allowed=["sum"], most_elements=64), TEXT)
    assert kind(conduct(seen, most_elements=64)) == "torch-instead-of-kernel"
    for more in (audit("aten::mul", count=3, elements=7), audit("aten::exp", elements=1)):
        found = conduct(more, allowed=["sum"], most_elements=64)
        assert kind(found) == "torch-instead-of-kernel"
    many = audit("aten::mul", "aten::add", count=40, elements=40)
    found = conduct(many, allowed=["sum"], most_elements=64)
    assert kind(found) == "torch-instead-of-kernel"


def test_an_operation_goes_by_one_name() -> None:
    names = ["aten::add_", "aten::_foreach_add", "aten::__and__", "mine::add_", "_fused_adam_"]

    assert [base_name(name) for name in names] == ["add", "add", "and", "mine::add_", "adam"]
