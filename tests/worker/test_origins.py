"""How notes on memory pass through operations on lists, as optimizers use them on a GPU."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from grader.worker.origins import Origins

N = 100  # more than a setting has


@pytest.fixture
def parameters() -> list[torch.Tensor]:
    return [torch.zeros(N), torch.zeros(N)]


@pytest.fixture
def gradients() -> list[torch.Tensor]:
    return [torch.ones(N), torch.ones(N)]


def known(parameters: list[torch.Tensor], *, by_kernel: list[torch.Tensor]) -> Origins:
    """Notes of a call that made parameters by torch, and something else by a kernel."""
    origins = Origins([*parameters, *by_kernel])
    origins.launch(tuple(by_kernel))
    return origins


def step(origins: Origins, func: Any, *arguments: Any, **settings: Any) -> None:
    result = func(*arguments, **settings)
    origins.operation(func, (*arguments, *settings.values()), result, trusted=False)


def test_parameters_updated_by_a_kernels_gradients_come_from_that_kernel(
    parameters: list[torch.Tensor], gradients: list[torch.Tensor]
) -> None:
    origins = known(parameters, by_kernel=gradients)
    assert [origins.of(each) for each in parameters] == ["torch", "torch"]

    step(origins, torch.ops.aten._foreach_add_.List, parameters, gradients, alpha=-0.1)

    assert [origins.of(each) for each in parameters] == ["kernel", "kernel"]


def test_each_parameter_takes_after_its_own_gradient(
    parameters: list[torch.Tensor], gradients: list[torch.Tensor]
) -> None:
    origins = known(parameters, by_kernel=gradients[:1])

    step(origins, torch.ops.aten._foreach_add_.List, parameters, gradients, alpha=-0.1)

    assert origins.of(parameters[0]) == "kernel"
    assert origins.of(parameters[1]) == "foreign"  # nobody saw where that gradient comes from


def test_a_list_of_numbers_brings_nothing(parameters: list[torch.Tensor]) -> None:
    origins = known(parameters, by_kernel=[])

    step(origins, torch.ops.aten._foreach_add_.ScalarList, parameters, [1.0, 2.0])

    assert [origins.of(each) for each in parameters] == ["torch", "torch"]


def test_gradients_that_an_update_only_reads_keep_their_origin(
    parameters: list[torch.Tensor], gradients: list[torch.Tensor]
) -> None:
    origins = Origins([*parameters, *gradients])
    origins.launch(tuple(parameters))

    step(origins, torch.ops.aten._foreach_add_.List, parameters, gradients, alpha=-0.1)

    assert [origins.of(each) for each in gradients] == ["torch", "torch"]


def test_a_kernels_result_takes_after_as_many_data_of_unknown_origin() -> None:
    x, kept, result = torch.ones(N), torch.ones(N), torch.ones(N)
    for given in (kept, kept.view(10, -1)):
        origins = Origins([x])
        step(origins, torch.ops.aten.empty_like.default, x)
        step(origins, torch.ops.aten.view.default, given, [-1])
        origins.launch((result, given))
        assert origins.of(result) != "kernel"


def test_settings_and_tables_smaller_than_the_result_may_be_of_any_origin() -> None:
    origins = Origins([])
    made = torch.ops.aten.empty.memory_format
    result = made([N])
    origins.operation(made, ([N],), result, trusted=False)

    origins.launch((result, torch.ones(N - 1)))

    assert origins.of(result) == "kernel"
