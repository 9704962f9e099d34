"""Scenarios: what runs around a submission's function, and the ready-made backward pass."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from grader.scenarios import gradients
from grader.worker.loading import SubmissionRaised, graded_function

X = torch.tensor([1.0, 2.0, 3.0])


def square(x: torch.Tensor, scale: float = 1.0) -> torch.Tensor:
    return scale * x * x


def test_gradients_are_those_of_the_outputs_weighted_by_what_comes_from_above() -> None:
    output, gradient = gradients(square, X, wrt=(0,), upstream=(torch.tensor([1.0, 10.0, 0.5]),))

    assert output.tolist() == [1, 4, 9]
    assert gradient.tolist() == [2, 40, 3]
    assert not output.requires_grad


def test_a_single_scalar_needs_no_gradient_from_above() -> None:
    loss, gradient = gradients(lambda x: square(x).sum(), X, wrt=(0,))

    assert (loss.item(), gradient.tolist()) == (14, [2, 4, 6])


def test_an_input_that_the_outputs_do_not_depend_on_has_no_gradient() -> None:
    _, first, second = gradients(lambda x, y: x.sum() + y.detach().sum(), X, X, wrt=(0, 1))

    assert first.tolist() == [1, 1, 1]
    assert second is None


def test_outputs_without_a_gradient_are_returned_and_not_differentiated() -> None:
    def loss_and_reward(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return x.sum(), x.detach() * 2

    loss, reward, gradient = gradients(loss_and_reward, X, wrt=(0,))

    assert (loss.item(), reward.tolist(), gradient.tolist()) == (6, [2, 4, 6], [1, 1, 1])


def test_a_second_pass_over_the_graph_shows_a_saved_tensor_that_was_changed() -> None:
    class ScalesWhatItSaved(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
            ctx.kept = torch.ones_like(x)
            return x.sum()

        @staticmethod
        def backward(ctx: Any, upstream: torch.Tensor) -> torch.Tensor:
            return ctx.kept.mul_(2.0).clone()  # type: ignore[no-any-return]

    apply: Any = ScalesWhatItSaved.apply
    once, twice = (gradients(apply, X, wrt=(0,), passes=passes)[1] for passes in (1, 2))

    assert (once.tolist(), twice.tolist()) == ([2, 2, 2], [4, 4, 4])


def test_keyword_arguments_reach_the_function() -> None:
    _, gradient = gradients(square, X, wrt=(0,), upstream=(torch.ones(3),), scale=2.0)

    assert gradient.tolist() == [4, 8, 12]


def request(name: str, path: Path | None) -> dict[str, Any]:
    place = str(path) if path else None
    return {"function": "square", "scenario": {"path": place, "name": name}}


def test_a_scenario_of_the_lesson_gets_the_submissions_function_first(tmp_path: Path) -> None:
    file = tmp_path / "scenarios.py"
    file.write_text("def twice(function, x):\n    return function(function(x))\n")

    around = graded_function(request("twice", file), SimpleNamespace(square=square))

    assert around(X).tolist() == [1, 16, 81]


def test_the_backward_pass_needs_no_file_of_the_lesson() -> None:
    around = graded_function(request("gradients", None), SimpleNamespace(square=square))

    assert around(X, wrt=(0,), upstream=(torch.ones(3),))[1].tolist() == [2, 4, 6]


def test_a_submission_without_the_function_has_failed_not_the_grader() -> None:
    with pytest.raises(SubmissionRaised):
        graded_function(request("gradients", None), SimpleNamespace())
