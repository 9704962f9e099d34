"""What the functions of lesson 7 must return, by PyTorch, and the inputs of its tests.

Owns the oracles, their error bounds and models of known mistakes. The formulas here are those of
the losses alone; gradients come from PyTorch's autograd, in float64, so that the formulas that
students derive are held against something that does not contain them.

Bounds. A loss in fp32 may be off by 1e-5 of 1 + its size: sums of up to 1e5 terms, formed in
blocks, stay below 1e-6. A gradient may be off by 2e-5 of |upstream| / N, since none of its terms
is larger. To both comes what an lse loses by being an fp32 number, half a unit in its last
place: it matters for large logits only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import torch
import torch.nn.functional as F

if TYPE_CHECKING:
    from grader.protocol.data import Data

Loss = Callable[[torch.Tensor], torch.Tensor]
Parameters = tuple[torch.Tensor, ...]

# Large enough that the GPU is busy longer than Python needs to launch what it does.
LARGE_ROWS, LARGE_COLUMNS = 4096, 128_256
SMALLER_ROWS, SMALLER_COLUMNS = 16_384, 32_000
NORM_ROWS, NORM_COLUMNS = 32_768, 8192

BLOCK = 8192  # of the skeleton, for models of mistakes that depend on it
PROGRAMS = 40  # that share the rows of layer_norm's backward pass on a CPU

LOSS_ERROR = 1e-5
GRADIENT_ERROR = 2e-5
LSE_ROUNDING = 2.0**-23  # a unit in the last place: the lse is rounded, and so is x - lse


class Terms(NamedTuple):
    """The settings of a cross-entropy.

    Attributes:
        ignore_index: Target of rows that do not count.
        label_smoothing: Part of the target's probability that goes to all columns alike.
        z_loss: Weight of lse squared.
    """

    ignore_index: int = -100
    label_smoothing: float = 0.0
    z_loss: float = 0.0


def row_losses(logits: torch.Tensor, targets: torch.Tensor, terms: Terms) -> torch.Tensor:
    """The loss of each row that counts, in float64.

    Args:
        logits: [n_rows, n_columns].
        targets: [n_rows], int64.
        terms: The settings.

    Returns:
        [number of rows that count]
    """
    counted = targets != terms.ignore_index
    x, t = logits.double()[counted], targets[counted]
    lse = torch.logsumexp(x, dim=1)
    losses = lse - (1 - terms.label_smoothing) * x.gather(1, t[:, None])[:, 0]
    if terms.label_smoothing:
        losses = losses - terms.label_smoothing * x.mean(dim=1)
    return losses + terms.z_loss * lse.square()


def cross_entropy(logits: torch.Tensor, targets: torch.Tensor, terms: Terms) -> torch.Tensor:
    """The mean over the rows that count, float64; 0 if there is none."""
    losses = row_losses(logits, targets, terms)
    return losses.sum() / max(losses.numel(), 1)


def focal_losses(logits: torch.Tensor, targets: torch.Tensor, gamma: float) -> torch.Tensor:
    """The focal loss of each row, [n_rows], in float64."""
    log_p = F.log_softmax(logits.double(), dim=1).gather(1, targets[:, None])[:, 0]
    if gamma == 0:
        return -log_p
    return (-torch.expm1(log_p)) ** gamma * -log_p


def focal_loss(logits: torch.Tensor, targets: torch.Tensor, gamma: float) -> torch.Tensor:
    """The mean over all rows, float64."""
    return focal_losses(logits, targets, gamma).mean()


def loss_gradient(loss: Loss, logits: torch.Tensor, upstream: float = 1.0) -> torch.Tensor:
    """The gradient of the logits in float64, by PyTorch's autograd.

    Args:
        loss: Takes the logits, returns a float64 scalar.
        logits: Where to differentiate.
        upstream: Gradient of the loss.
    """
    leaf = logits.double().requires_grad_()
    (found,) = torch.autograd.grad(loss(leaf), leaf, torch.tensor(upstream).double())
    return found


def loss_error(expected: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    """How far an fp32 loss may lie from the exact one."""
    return LOSS_ERROR * (1 + expected.abs()) + LSE_ROUNDING * largest_lse(logits)


def gradient_error(logits: torch.Tensor, n_counted: int, upstream: float = 1.0) -> torch.Tensor:
    """How far an element of a gradient may lie from the exact one, before its last rounding.

    Args:
        logits: What the loss was computed from.
        n_counted: N, the rows in the mean.
        upstream: Gradient of the loss.

    Returns:
        float64, a scalar.
    """
    relative = GRADIENT_ERROR + 2 * LSE_ROUNDING * largest_lse(logits)
    return abs(upstream) / max(n_counted, 1) * relative


def second_rounding(gradient: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """What a gradient kept in ``dtype`` loses before it is multiplied by the upstream gradient."""
    return 1.05 * torch.finfo(dtype).eps / 2 * gradient.abs()


def largest_lse(logits: torch.Tensor) -> torch.Tensor:
    """The largest |lse| of all rows that hold numbers, float64; 0 if there is none."""
    lse = torch.logsumexp(logits.double(), dim=1).abs()
    return lse[torch.isfinite(lse)].max() if bool(torch.isfinite(lse).any()) else lse.new_zeros(())


def with_masked_lanes(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """A mistake: masked lanes of a block, the next power of two, count as logits of 0."""
    n = logits.shape[1]
    padded = F.pad(logits, (0, (1 << (n - 1).bit_length()) - n))
    return cross_entropy(padded, targets, Terms())


def sum_not_rescaled(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """A mistake: a larger logit in a later block does not shrink the sum of the earlier ones."""
    largest = logits.new_full((logits.shape[0], 1), -torch.inf).double()
    exp_sum = torch.zeros_like(largest)
    for block in torch.split(logits.double(), BLOCK, dim=1):
        largest = torch.maximum(largest, block.amax(1, keepdim=True))
        exp_sum += (block - largest).exp().sum(1, keepdim=True)
    lse = largest + exp_sum.log()
    return (lse - logits.double().gather(1, targets[:, None])).mean()


def smoothed_over_others(logits: torch.Tensor, targets: torch.Tensor, terms: Terms) -> torch.Tensor:
    """A mistake: label smoothing shared by the V - 1 other columns, without the target."""
    others = logits.shape[1] / (logits.shape[1] - 1)
    everywhere = Terms(terms.ignore_index, terms.label_smoothing * others, terms.z_loss)
    return cross_entropy(logits, targets, everywhere)


def focal_gradient_without_log(
    logits: torch.Tensor, targets: torch.Tensor, gamma: float, upstream: float
) -> torch.Tensor:
    """A mistake: only log p is differentiated, (1 - p)^gamma is taken for a constant."""

    def loss(x: torch.Tensor) -> torch.Tensor:
        log_p = F.log_softmax(x, dim=1).gather(1, targets[:, None])[:, 0]
        weight = (-torch.expm1(log_p)) ** gamma
        return (weight.detach() * -log_p).mean()

    return loss_gradient(loss, logits, upstream)


class Norm(NamedTuple):
    """A layer normalisation in float64, forward and backward.

    Attributes:
        y: The output, shape of x.
        dx: Gradient of x.
        dw: Gradient of weight.
        db: Gradient of bias.
        dx_error: How far dx may be off before its last rounding.
        dw_error: The same for dw.
        db_error: The same for db.
    """

    y: torch.Tensor
    dx: torch.Tensor
    dw: torch.Tensor
    db: torch.Tensor
    dx_error: torch.Tensor
    dw_error: torch.Tensor
    db_error: torch.Tensor


def layer_norm(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, dy: torch.Tensor, eps: float
) -> Norm:
    """The exact layer normalisation with its gradients.

    The bounds: each element of dx is a sum of three terms, whose sizes bound what fp32 loses;
    dw and db are sums of M terms in any order, 4 sqrt(M) roundings of their sizes' sum.
    """
    leaves = [tensor.double().requires_grad_() for tensor in (x, weight, bias)]
    y = F.layer_norm(leaves[0], weight.shape, leaves[1], leaves[2], eps)
    dx, dw, db = torch.autograd.grad(y, leaves, dy.double())
    x_hat, rstd = normalised(x, eps)
    rows, w_dy = dy.double().reshape(x_hat.shape), (weight.double() * dy.double())
    w_dy = w_dy.reshape(x_hat.shape)
    means = w_dy.abs().mean(1, keepdim=True) + x_hat.abs() * (w_dy * x_hat).abs().mean(
        1, keepdim=True
    )
    roundings = 4 * x_hat.shape[0] ** 0.5 * 2.0**-24
    return Norm(
        y.detach(),
        dx,
        dw,
        db,
        (1e-5 * rstd * (w_dy.abs() + means)).reshape(x.shape),
        roundings * (rows * x_hat).abs().sum(0) + 1e-6 * rows.abs().sum(0),
        roundings * rows.abs().sum(0),
    )


def normalised(x: torch.Tensor, eps: float) -> tuple[torch.Tensor, torch.Tensor]:
    """x_hat [n_rows, n_columns] and rstd [n_rows, 1], in float64."""
    rows = x.double().reshape(-1, x.shape[-1])
    rstd = (rows.var(1, correction=0, keepdim=True) + eps).rsqrt()
    return (rows - rows.mean(1, keepdim=True)) * rstd, rstd


def layer_norm_by(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, variance: torch.Tensor, eps: float
) -> torch.Tensor:
    """A mistake: normalised with another variance, [n_rows, 1]."""
    rows = x.double().reshape(-1, x.shape[-1])
    x_hat = (rows - rows.mean(1, keepdim=True)) * (variance + eps).rsqrt()
    return (x_hat * weight.double() + bias.double()).reshape(x.shape).to(x.dtype)


def unbiased_variance(x: torch.Tensor) -> torch.Tensor:
    """A mistake: the variance divided by n_columns - 1."""
    return x.double().reshape(-1, x.shape[-1]).var(1, correction=1, keepdim=True)


def variance_with_masked_lanes(x: torch.Tensor) -> torch.Tensor:
    """A mistake: masked lanes, which hold 0, count as 0 - mean in the sum of squares."""
    rows = x.double().reshape(-1, x.shape[-1])
    n = rows.shape[1]
    masked = (1 << (n - 1).bit_length()) - n
    mean = rows.mean(1, keepdim=True)
    return rows.var(1, correction=0, keepdim=True) + masked / n * mean.square()


def rows_are_scaled(
    y: torch.Tensor, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, eps: float
) -> bool:
    """Whether some row of y has another rstd than x has, by more than a hundredth, or NaN."""
    x_hat, _ = normalised(x, eps)
    scale = ((y.double() - bias.double()) / (weight.double() * x_hat)).median(dim=1).values
    return not bool(((scale - 1).abs() < 0.01).all())


def dx_without_means(
    x: torch.Tensor, weight: torch.Tensor, dy: torch.Tensor, eps: float
) -> torch.Tensor:
    """A mistake: mean and rstd taken for constants, so that dx = rstd * weight * dy."""
    _, rstd = normalised(x, eps)
    w_dy = (weight.double() * dy.double()).reshape(rstd.shape[0], -1)
    return (rstd * w_dy).reshape(x.shape).to(x.dtype)


def weight_gradient_of_last_rows(x: torch.Tensor, dy: torch.Tensor, eps: float) -> torch.Tensor:
    """A mistake: each program keeps the part of its last row instead of a sum."""
    x_hat, _ = normalised(x, eps)
    return (dy.double().reshape(x_hat.shape) * x_hat)[-PROGRAMS:].sum(0)


class Task(NamedTuple):
    """Something to learn: classes scattered around centres, some samples without a label.

    Attributes:
        inputs: [n, n_inputs], fp32.
        targets: [n], int64, -100 for a quarter of them.
        parameters: What training starts from.
        unseen_inputs: [n_unseen, n_inputs]; for the judge alone.
        unseen_targets: [n_unseen], all labelled.
    """

    inputs: torch.Tensor
    targets: torch.Tensor
    parameters: Parameters
    unseen_inputs: torch.Tensor
    unseen_targets: torch.Tensor


def task(data: Data, n: int, n_inputs: int, n_hidden: int, n_classes: int) -> Task:
    """A task that a linear layer alone does not solve: each class has two centres."""
    centres = data.normal(2, n_classes, n_inputs, std=2.0)

    def samples(count: int) -> tuple[torch.Tensor, torch.Tensor]:
        of_class, of_centre = data.integers(0, n_classes, count), data.integers(0, 2, count)
        return centres[of_centre, of_class] + data.normal(count, n_inputs), of_class

    inputs, targets = samples(n)
    unseen_inputs, unseen_targets = samples(2000)
    parameters = (
        data.normal(n_inputs, n_hidden, std=n_inputs**-0.5),
        torch.ones(n_hidden),
        torch.zeros(n_hidden),
        data.normal(n_hidden, n_classes, std=n_hidden**-0.5),
    )
    labelled = data.integers(0, 4, n) > 0
    return Task(
        inputs, torch.where(labelled, targets, -100), parameters, unseen_inputs, unseen_targets
    )


def classify(inputs: torch.Tensor, parameters: Sequence[torch.Tensor]) -> torch.Tensor:
    """The classifier's logits, in the type of its parameters."""
    first, norm_weight, norm_bias, last = parameters
    hidden = F.layer_norm(inputs.to(first.dtype) @ first, norm_weight.shape, norm_weight, norm_bias)
    return torch.relu(hidden) @ last


def train(
    asked: Task,
    n_steps: int,
    batch_size: int,
    learning_rate: float,
    *,
    same_batch: bool = False,
    accumulate: bool = False,
) -> Parameters:
    """The training in float64, by PyTorch.

    Args:
        asked: What to learn.
        n_steps: Number of steps.
        batch_size: Samples of a step.
        learning_rate: Factor of the gradient.
        same_batch: A mistake: the first batch in every step.
        accumulate: A mistake: the gradients of all earlier steps are in each.

    Returns:
        The parameters after the last step, float64.
    """
    parameters = [each.double().requires_grad_() for each in asked.parameters]
    sums = [torch.zeros_like(each) for each in parameters]
    for step in range(n_steps):
        start = 0 if same_batch else step * batch_size % asked.inputs.shape[0]
        logits = classify(asked.inputs[start : start + batch_size], parameters)
        loss = cross_entropy(logits, asked.targets[start : start + batch_size], Terms())
        for each, total, found in zip(
            parameters, sums, torch.autograd.grad(loss, parameters), strict=True
        ):
            total.mul_(float(accumulate)).add_(found)
            with torch.no_grad():
                each -= learning_rate * total
    return tuple(each.detach() for each in parameters)


def unseen_loss_and_accuracy(
    asked: Task, parameters: Sequence[torch.Tensor]
) -> tuple[float, float]:
    """How good parameters are on samples that no training saw."""
    logits = classify(asked.unseen_inputs, [each.double() for each in parameters])
    loss = F.cross_entropy(logits, asked.unseen_targets)
    right = (logits.argmax(dim=1) == asked.unseen_targets).double().mean()
    return float(loss), float(right)


def torch_cross_entropy(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Baseline of the speed tests."""
    return F.cross_entropy(logits, targets)


def torch_layer_norm(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """Baseline of the speed test."""
    return F.layer_norm(x, weight.shape, weight, bias)


def large_vocabulary(data: Data) -> tuple[torch.Tensor, torch.Tensor]:
    """4096 tokens over 128256 words, the vocabulary of Llama 3: 1 GB of logits in bf16."""
    logits = data.normal(LARGE_ROWS, LARGE_COLUMNS, dtype=torch.bfloat16)
    return logits, data.integers(0, LARGE_COLUMNS, LARGE_ROWS)


def smaller_vocabulary(data: Data) -> tuple[torch.Tensor, torch.Tensor]:
    """16384 tokens over 32000 words, the vocabulary of Llama 2: 1 GB of logits in bf16."""
    logits = data.normal(SMALLER_ROWS, SMALLER_COLUMNS, dtype=torch.bfloat16)
    return logits, data.integers(0, SMALLER_COLUMNS, SMALLER_ROWS)


def hidden_states(data: Data) -> tuple[torch.Tensor, ...]:
    """x, weight, bias and dy of 32768 tokens with 8192 features, bf16."""
    rows, columns, kind = NORM_ROWS, NORM_COLUMNS, torch.bfloat16
    return (
        data.normal(rows, columns, dtype=kind),
        data.normal(columns, dtype=kind),
        data.normal(columns, dtype=kind),
        data.normal(rows, columns, dtype=kind),
    )
