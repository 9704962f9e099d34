"""What is done with the functions of lesson 7 beside a plain call: backward passes, a training.

Runs in the worker beside a submission, with the submission's function, and in the judge's
process with PyTorch's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch


def forward_backward(
    function: Callable[..., torch.Tensor], logits: torch.Tensor, targets: torch.Tensor
) -> torch.Tensor:
    """A loss and its backward pass, as a training step has them.

    Args:
        function: Takes logits and targets, returns a scalar.
        logits: [n_rows, n_columns].
        targets: [n_rows].

    Returns:
        The gradient of the logits.
    """
    leaf = logits.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(function(leaf, targets), leaf)
    return gradient


def forward_backward_from(
    function: Callable[..., torch.Tensor],
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor,
    dy: torch.Tensor,
) -> tuple[torch.Tensor, ...]:
    """A layer and its backward pass, from the gradient of its output.

    Args:
        function: Takes x, weight and bias, returns a tensor of the shape of x.
        x: [n_rows, n_columns].
        weight: [n_columns].
        bias: [n_columns].
        dy: Shape of x.

    Returns:
        The gradients of x, weight and bias.
    """
    leaves = [tensor.detach().requires_grad_() for tensor in (x, weight, bias)]
    return torch.autograd.grad(function(*leaves), leaves, dy)


def training(
    function: Callable[..., Any],
    inputs: torch.Tensor,
    targets: torch.Tensor,
    parameters: tuple[torch.Tensor, ...],
    n_steps: int,
    batch_size: int,
    learning_rate: float,
) -> Any:
    """A whole training, as ``train`` has it; returns the parameters that it ends with."""
    return function(inputs, targets, parameters, n_steps, batch_size, learning_rate)
