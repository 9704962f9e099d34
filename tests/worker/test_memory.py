from __future__ import annotations

import ctypes
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

from grader.protocol.poison import as_words
from grader.protocol.tensors import DTYPES
from grader.worker.memory import (
    RED_ZONE_BYTES,
    RUNS,
    GuardedMemory,
    Poison,
    guarded_allocations,
)

CPU = torch.device("cpu")
BOTH_RUNS = pytest.mark.parametrize("poison", RUNS, ids=["run 0", "run 1"])
EVERY_DTYPE = pytest.mark.parametrize("dtype", DTYPES.values(), ids=DTYPES)


def neighbour(tensor: torch.Tensor, index: int) -> torch.Tensor:
    """The element that a kernel hits with a flat index, inside the tensor or not."""
    address = tensor.data_ptr() + index * tensor.itemsize
    element = (ctypes.c_char * tensor.itemsize).from_address(address)
    return torch.frombuffer(element, dtype=torch.uint8).view(tensor.dtype)


def memory(poison: Poison = RUNS[0]) -> GuardedMemory:
    return GuardedMemory(CPU, poison)


def place(guarded: GuardedMemory, tensor: torch.Tensor) -> torch.Tensor:
    return guarded.place_input(tensor.contiguous(), tensor.shape, tensor.stride())


# ---------------------------------------------------------------- red zones


@BOTH_RUNS
@EVERY_DTYPE
@pytest.mark.parametrize("elements", [1, 5, 64])
def test_an_untouched_zone_is_no_violation(
    poison: Poison, dtype: torch.dtype, elements: int
) -> None:
    guarded = memory(poison)
    place(guarded, torch.ones(elements).to(dtype)).zero_()
    guarded.allocate(torch.empty(elements, dtype=dtype)).zero_()
    assert guarded.violations() == []


@EVERY_DTYPE
@pytest.mark.parametrize("elements", [1, 5, 64])
@pytest.mark.parametrize("value", [0, 1])
def test_a_store_next_to_a_tensor_is_found_in_at_least_one_run(
    dtype: torch.dtype, elements: int, value: int
) -> None:
    found = []
    for poison in RUNS:
        guarded = memory(poison)
        tensor = guarded.allocate(torch.empty(elements, dtype=dtype))
        neighbour(tensor, elements).fill_(value)
        neighbour(tensor, -1).fill_(value)
        found += [(item["side"], item["first"], item["count"]) for item in guarded.violations()]
    assert {("after", elements, 1), ("before", -1, 1)} <= set(found)


@BOTH_RUNS
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.int64, torch.int8])
def test_a_violation_says_which_tensor_which_side_how_far_and_how_many(
    poison: Poison, dtype: torch.dtype
) -> None:
    guarded = memory(poison)
    place(guarded, torch.ones(4).to(dtype))
    second = place(guarded, torch.ones(9).to(dtype))
    output = guarded.allocate(torch.empty(7, dtype=dtype))
    for index in (9, 10, 12):
        neighbour(second, index).fill_(1)
    for index in (-3, -2):
        neighbour(output, index).fill_(1)
    assert guarded.violations() == [
        {"role": "input", "index": 1, "side": "after", "first": 9, "count": 3},
        {"role": "allocation", "index": 2, "side": "before", "first": -3, "count": 2},
    ]


@pytest.mark.parametrize("distance", [0, 1, RED_ZONE_BYTES // 4 - 1])
def test_the_whole_width_of_a_zone_is_watched(distance: int) -> None:
    guarded = memory()
    tensor = guarded.allocate(torch.empty(8))
    neighbour(tensor, 8 + distance).fill_(1)
    neighbour(tensor, -1 - distance).fill_(1)
    assert [item["first"] for item in guarded.violations()] == [-1 - distance, 8 + distance]


def test_the_end_of_a_strided_tensor_is_behind_its_last_element() -> None:
    guarded = memory()
    rows = guarded.place_input(torch.ones(3, 4), (3, 4), (10, 1))
    neighbour(rows, 24).fill_(0)
    (found,) = guarded.violations()
    assert (found["side"], found["first"]) == ("after", 24)


def test_copying_the_zone_of_an_input_to_that_of_an_output_is_found() -> None:
    for poison in RUNS:
        guarded = memory(poison)
        given = place(guarded, torch.ones(8))
        output = guarded.allocate(torch.empty(8))
        neighbour(output, 8).copy_(neighbour(given, 8))
        assert len(guarded.violations()) == 1


def test_a_tensor_too_large_to_poison_is_left_alone() -> None:
    guarded = memory()
    far = guarded.place_input(torch.ones(2, 3, dtype=torch.float16), (2, 3), (2**31, 1))
    neighbour(far, 2**31 + 3).fill_(1)
    assert far.tolist() == [[1, 1, 1], [1, 1, 1]]
    assert guarded.violations() == []


# ------------------------------------------------------------------- inputs


@BOTH_RUNS
@EVERY_DTYPE
def test_an_input_has_the_values_dtype_shape_and_strides_that_were_sent(
    poison: Poison, dtype: torch.dtype
) -> None:
    source = torch.arange(6).view(2, 3).to(dtype)
    given = memory(poison).place_input(source, (2, 3), (1, 2))
    assert (given.dtype, given.shape, given.stride()) == (dtype, (2, 3), (1, 2))
    assert given.double().tolist() == source.double().tolist()


@pytest.mark.parametrize(
    ("shape", "strides"),
    [((), ()), ((0,), (1,)), ((3, 0, 2), (2, 2, 1)), ((4, 3), (0, 1)), ((2, 3), (0, 0)),
     ((2, 3), (100, 7))],
)  # fmt: skip
def test_every_layout_can_be_an_input(shape: tuple[int, ...], strides: tuple[int, ...]) -> None:
    source = torch.full(shape, 2.5)
    guarded = memory()
    given = guarded.place_input(source, shape, strides)
    assert (given.shape, given.stride()) == (shape, strides)
    assert torch.equal(given, source)
    assert guarded.violations() == []


def test_what_lies_beside_and_between_the_elements_of_an_input_is_an_ordinary_nan() -> None:
    given = memory(RUNS[0]).place_input(torch.ones(2, 3), (2, 3), (5, 1))
    for index in (-1, 3, 4, 8):
        bits = neighbour(given, index).view(torch.int32).item()
        assert bits == torch.tensor(math.nan).view(torch.int32).item()


def test_inputs_start_where_triton_would_align_an_ordinary_tensor() -> None:
    for elements in (1, 3, 1000):
        assert place(memory(), torch.ones(elements)).data_ptr() % 64 == 0


# -------------------------------------------------------------- allocations


def make_all(like: torch.Tensor) -> dict[str, torch.Tensor]:
    return {
        "empty": torch.empty((2, 3)),
        "empty, out of order": torch.empty_strided((2, 3), (1, 2)),
        "empty_like": torch.empty_like(like),
        "new_empty": like.new_empty((2, 3)),
        "new_empty_strided": like.new_empty_strided((2, 3), (4, 1)),
        "zeros": torch.zeros(2, 3),
        "zeros_like": torch.zeros_like(like),
        "new_zeros": like.new_zeros((2, 3)),
        "ones": torch.ones(2, 3),
        "ones_like": torch.ones_like(like),
        "new_ones": like.new_ones((2, 3)),
        "full": torch.full((2, 3), 7.0),
        "full_like": torch.full_like(like, 7.0),
        "new_full": like.new_full((2, 3), 7.0),
    }


CONTENT = {"zeros": 0, "ones": 1, "full": 7}


@BOTH_RUNS
def test_every_way_to_allocate_is_guarded_and_has_its_own_content(poison: Poison) -> None:
    guarded = memory(poison)
    like = torch.ones(2, 3)
    with guarded_allocations(guarded, CPU):
        made = make_all(like)
    plain = make_all(like)
    assert [guarded.holder(tensor) for tensor in made.values()] == [
        ("allocation", index) for index in range(len(made))
    ]
    for name, tensor in made.items():
        assert tensor.stride() == plain[name].stride(), name
        value = next((known for word, known in CONTENT.items() if word in name), None)
        if value is None:
            assert (tensor.view(-1) if tensor.is_contiguous() else tensor).isnan().all(), name
        else:
            assert (tensor == value).all(), name


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16,
                                   torch.float8_e5m2, torch.float8_e4m3fn])  # fmt: skip
def test_floats_that_were_never_set_are_the_nan_of_no_arithmetic(dtype: torch.dtype) -> None:
    for poison in RUNS:
        with guarded_allocations(memory(poison), CPU):
            made = torch.empty(4, dtype=dtype)
        assert made.double().isnan().all()
        if dtype != torch.float8_e4m3fn:  # it has one NaN only
            computed = (made.float() + 1).to(dtype)
            assert not (as_words(made) == as_words(computed)).any()


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.int8, torch.uint8, torch.bool])
def test_integers_that_were_never_set_differ_between_the_runs(dtype: torch.dtype) -> None:
    seen = []
    for poison in RUNS:
        with guarded_allocations(memory(poison), CPU):
            seen.append(torch.empty(4, dtype=dtype))
    assert (seen[0] != seen[1]).all()


def test_only_tensors_with_undefined_content_are_reported_as_undefined() -> None:
    told: list[torch.Tensor] = []
    with guarded_allocations(memory(), CPU, told.append):
        empty, _, _ = torch.empty(3), torch.zeros(3), torch.ones(3) + 1
    assert [tensor.data_ptr() for tensor in told] == [empty.data_ptr()]


@pytest.mark.parametrize(
    "view",
    [
        lambda tensor: tensor[1:],
        lambda tensor: tensor.t(),
        lambda tensor: tensor.view(-1),
        lambda tensor: tensor.expand(5, 2, 3),
        lambda tensor: tensor.view(torch.int32),
        lambda tensor: tensor.detach(),
    ],
)
def test_a_view_belongs_to_the_memory_it_lies_in(
    view: Callable[[torch.Tensor], torch.Tensor],
) -> None:
    guarded = memory()
    place(guarded, torch.ones(4))
    given = place(guarded, torch.ones(2, 3))
    with guarded_allocations(guarded, CPU):
        made = torch.empty(2, 3)
    assert guarded.holder(view(given)) == ("input", 1)
    assert guarded.holder(view(made)) == ("allocation", 2)


def test_a_tensor_of_other_memory_belongs_to_nothing() -> None:
    guarded = memory()
    given = place(guarded, torch.ones(4))
    assert guarded.holder(given + 1) is None
    assert guarded.holder(torch.empty(0)) is None


@pytest.mark.parametrize("elsewhere", [torch.device("meta")])
def test_allocations_on_another_device_stay_as_they_are(elsewhere: torch.device) -> None:
    guarded = memory()
    with guarded_allocations(guarded, CPU):
        made: Any = torch.empty(3, device=elsewhere)
    assert made.device == elsewhere
    assert guarded.violations() == []


def test_a_guarded_tensor_begins_and_ends_where_its_memory_does() -> None:
    guarded = memory()
    with guarded_allocations(guarded, CPU):
        made = torch.ones(2, 3)
    for tensor in (made, place(guarded, torch.ones(2, 3))):
        assert tensor.storage_offset() == 0
        assert tensor.untyped_storage().nbytes() == 24
        assert torch.equal(tensor.as_strided((2,), (3,), 0), tensor[:, 0])


def test_an_input_of_no_elements_is_like_any_other() -> None:
    assert place(memory(), torch.empty(0, 3)).shape == (0, 3)


def test_torch_may_resize_what_was_allocated_empty() -> None:
    with guarded_allocations(memory(), CPU):
        out = torch.empty(0)
        torch.add(torch.ones(3), 1, out=out)
    assert out.tolist() == [2, 2, 2]


@pytest.mark.parametrize("shape", [(2, 4), (3, 3), (40,)])
def test_a_tensor_made_larger_keeps_its_elements_and_is_guarded(shape: tuple[int, ...]) -> None:
    guarded = memory()
    with guarded_allocations(guarded, CPU):
        made = torch.arange(6.0).view(2, 3)
        made.resize_(shape)
    assert made.shape == shape
    assert made.view(-1)[:6].tolist() == [*range(6)]
    assert guarded.holder(made) is not None
    neighbour(made, made.numel()).fill_(1)
    assert [found["side"] for found in guarded.violations()] == ["after"]


def test_a_tensor_made_smaller_stays_in_its_memory() -> None:
    with guarded_allocations(memory(), CPU):
        made = torch.arange(6.0)
        whole = made.view(-1)
        made.resize_(2, 2).fill_(7)
    assert whole.tolist() == [7, 7, 7, 7, 4, 5]


def test_a_resized_tensor_is_laid_out_as_it_was_asked_for() -> None:
    with guarded_allocations(memory(), CPU):
        made = torch.empty(0).resize_((1, 2, 3, 4), memory_format=torch.channels_last)
    assert made.is_contiguous(memory_format=torch.channels_last)


def test_allocations_outside_the_context_are_not_guarded() -> None:
    guarded = memory()
    with guarded_allocations(guarded, CPU):
        pass
    assert guarded.holder(torch.empty(3)) is None
