"""Right kernels give what torch gives, and nothing is found in them."""

from __future__ import annotations

import pytest
import torch

from grader.worker.interpreter import record
from tests.interpreter.kernels.sound import CASES


@pytest.mark.parametrize("poison", [0, 1])
@pytest.mark.parametrize("name", CASES)
def test_a_right_kernel_is_right_and_nothing_is_found(name: str, poison: int) -> None:
    case, tolerance = CASES[name]
    with record(poison=poison) as recording:
        actual, expected = case()
    assert recording.findings == []
    _assert_equal(actual, expected, tolerance)


@pytest.mark.parametrize("name", CASES)
def test_it_is_right_without_a_recording(name: str) -> None:
    case, tolerance = CASES[name]
    _assert_equal(*case(), tolerance)


def test_there_are_many_right_kernels() -> None:
    assert len(CASES) >= 30


def _assert_equal(actual: torch.Tensor, expected: torch.Tensor, tolerance: float) -> None:
    wanted = expected.detach().double()
    limit = tolerance * max(1.0, wanted.abs().max().item()) if wanted.numel() else 0.0
    torch.testing.assert_close(actual.detach().double(), wanted, rtol=0.0, atol=limit)
