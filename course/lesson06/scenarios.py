"""What is done with the functions of lesson 6 beside a plain call: backward passes, tuning.

Runs in the worker beside a submission, with the submission's function, and in the judge's
process with PyTorch's. Owns the policy that is tuned: small enough to be tuned in an
interpreter, with all that matters to ``tune_step``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch.nn import functional

Weights = Sequence[torch.Tensor]
TuneStep = Callable[["Policy", "GradientDescent", "Batch", float], torch.Tensor]


class Batch(NamedTuple):
    """Pairs of answers, with the fields of the lesson's ``PreferenceBatch``."""

    chosen: torch.Tensor
    chosen_mask: torch.Tensor
    rejected: torch.Tensor
    rejected_mask: torch.Tensor


class Policy:
    """A language model that looks at the token before: an embedding and an output layer.

    Attributes:
        parameters: The embedding [V + 1, H], whose last row stands for "no token before", and
            the output layer [V, H].
        graph_of_reference: Whether gradients were recorded when the reference was asked.
    """

    def __init__(self, weights: Weights, reference: Weights) -> None:
        self.parameters = [weight.detach().clone().requires_grad_() for weight in weights]
        self.graph_of_reference = False
        self._reference = reference

    def __call__(self, tokens: torch.Tensor) -> torch.Tensor:
        """Logits [B, T, V] for tokens [B, T]; row t tells of token t."""
        return logits(self.parameters, tokens)

    def reference(self, tokens: torch.Tensor) -> torch.Tensor:
        """The same from the policy before tuning."""
        self.graph_of_reference |= torch.is_grad_enabled()
        return logits(self._reference, tokens)


def logits(weights: Weights, tokens: torch.Tensor) -> torch.Tensor:
    """What weights of ``Policy`` make of tokens."""
    embedding, output = weights
    nothing = torch.full_like(tokens[:, :1], output.shape[0])
    context = torch.cat([nothing, tokens[:, :-1]], dim=1)
    return functional.embedding(context, embedding) @ output.T


class GradientDescent:
    """What ``torch.optim.SGD`` does, without the seconds that its first use takes."""

    def __init__(self, parameters: Sequence[torch.Tensor], learning_rate: float) -> None:
        self._parameters = parameters
        self._learning_rate = learning_rate

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for parameter in self._parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Go downhill."""
        for parameter in self._parameters:
            if parameter.grad is not None:
                parameter.add_(parameter.grad, alpha=-self._learning_rate)


def forward_backward(
    function: Callable[..., torch.Tensor],
    logits: torch.Tensor,
    tokens: torch.Tensor,
    mask: torch.Tensor,
    dout: torch.Tensor,
) -> torch.Tensor:
    """``sequence_logprob`` and its backward pass.

    Args:
        function: Takes the next three, returns [B].
        logits: [B, T, V].
        tokens: [B, T].
        mask: [B, T].
        dout: [B], gradient of what the function returns.

    Returns:
        The gradient of the logits.
    """
    leaf = logits.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(function(leaf, tokens, mask), leaf, dout)
    return gradient


def one_update(
    function: TuneStep,
    weights: Weights,
    reference: Weights,
    batch: Sequence[torch.Tensor],
    beta: float,
    learning_rate: float,
) -> tuple[torch.Tensor, ...]:
    """One step of tuning from given weights.

    Returns:
        The weights after it.
    """
    policy = Policy(weights, reference)
    function(policy, GradientDescent(policy.parameters, learning_rate), Batch(*batch), beta)
    return tuple(parameter.detach() for parameter in policy.parameters)


def timed_update(
    function: TuneStep,
    embedding: torch.Tensor,
    output: torch.Tensor,
    reference_embedding: torch.Tensor,
    reference_output: torch.Tensor,
    *batch: torch.Tensor,
) -> tuple[torch.Tensor, ...]:
    """``one_update`` for the clock: all tensors are arguments, so that none can be kept.

    The learning rate is large enough for the update to be seen in weights in bf16.
    """
    reference = (reference_embedding, reference_output)
    return one_update(function, (embedding, output), reference, batch, 0.1, 1e3)


def watched_update(
    function: TuneStep,
    weights: Weights,
    reference: Weights,
    batch: Sequence[torch.Tensor],
    beta: float,
    learning_rate: float,
) -> tuple[torch.Tensor, ...]:
    """One step of tuning that starts with gradients left from an earlier step.

    Returns:
        What the step returned; 1 if that is free of a graph, else 0; 1 if the reference was asked
        without recording gradients, else 0; and the weights after the step.
    """
    policy = Policy(weights, reference)
    for parameter in policy.parameters:
        parameter.grad = torch.ones_like(parameter)
    optimizer = GradientDescent(policy.parameters, learning_rate)
    loss = function(policy, optimizer, Batch(*batch), beta)
    device = weights[0].device
    free = torch.tensor(int(not getattr(loss, "requires_grad", False)), device=device)
    unrecorded = torch.tensor(int(not policy.graph_of_reference), device=device)
    return loss, free, unrecorded, *(parameter.detach() for parameter in policy.parameters)


def tuning(
    function: TuneStep,
    weights: Weights,
    feedback: Sequence[torch.Tensor],
    beta: float,
    learning_rate: float,
) -> tuple[torch.Tensor, ...]:
    """A whole tuning, batch by batch as feedback arrives, by the policy that starts it.

    Args:
        function: One step.
        weights: Those of the policy to begin with, which is the reference too.
        feedback: The fields of ``Batch``, each with one more dimension in front: the steps.
        beta: As in ``preference_loss``.
        learning_rate: Of the gradient descent.

    Returns:
        The weights after the last step.
    """
    policy = Policy(weights, weights)
    optimizer = GradientDescent(policy.parameters, learning_rate)
    for batch in batches(feedback):
        function(policy, optimizer, batch, beta)
    return tuple(parameter.detach() for parameter in policy.parameters)


def batches(feedback: Sequence[torch.Tensor]) -> Iterator[Batch]:
    """The batches of each step, in order."""
    return (Batch(*fields) for fields in zip(*feedback, strict=True))
