"""Lesson 6: log-probabilities of sequences, forward and backward, and a step of tuning."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch

from benchmarks.performance.operation import (
    Implementation,
    Operation,
    reference,
    scenarios,
    solution,
)
from grader.protocol.data import Data


def operations() -> Iterator[Operation]:
    """What lesson 6 is measured on."""
    yield _forward()
    yield _forward_backward()
    yield _tune_step()


def _forward() -> Operation:
    eager = reference("lesson06")
    return Operation(
        name="sequence_logprob",
        size="4096 x 128256 bf16",
        inputs=lambda: eager.scored(Data(0, "cuda")),
        ours=solution("lesson06").sequence_logprob,
        torch=eager.torch_cross_entropy,
        compiled=eager.torch_log_softmax,
        public={"liger-kernel": _liger_logprob, "flag-gems": _flag_gems_logprob},
        others={"log_softmax and gather in fp32": eager.torch_log_softmax},
        bytes_moved=eager.SCORED_BYTES,
        goal="≥ 92% of copy, 2.5x cross_entropy, 8x fp32",
        remark="liger-kernel's leaves out the last of the 512 positions of each sequence",
    )


def _forward_backward() -> Operation:
    eager = reference("lesson06")
    both: Callable[..., Any] = scenarios("lesson06").forward_backward
    compiled = torch.compile(eager.torch_log_softmax, dynamic=False)
    return Operation(
        name="sequence_logprob forward + backward",
        size="4096 x 128256 bf16",
        inputs=lambda: (
            *eager.scored(Data(0, "cuda")),
            torch.randn(eager.SCORED[0], device="cuda"),
        ),
        ours=partial(both, solution("lesson06").sequence_logprob),
        torch=partial(both, eager.torch_cross_entropy),
        # Compiled is the function alone: a backward pass inside would not be.
        others={
            "torch.compile": partial(both, compiled),
            "log_softmax and gather in fp32": partial(both, eager.torch_log_softmax),
        },
        public={"liger-kernel": lambda: partial(both, _liger_loss())},
        bytes_moved=3 * eager.SCORED_BYTES,
        goal="≥ 92% of copy, 2x cross_entropy",
        remark="liger-kernel writes its gradient over the logits",
    )


def _tune_step() -> Operation:
    eager = reference("lesson06")
    step: Callable[..., Any] = scenarios("lesson06").timed_update
    return Operation(
        name="tune_step",
        size="8 pairs x 128 x 128256 bf16",
        inputs=lambda: eager.tuned(Data(0, "cuda")),
        ours=partial(step, solution("lesson06").tune_step),
        torch=partial(step, eager.tune_step),
        goal="1.5x eager losses",
    )


def _liger_logprob() -> Implementation:
    from liger_kernel.ops.grpo_loss import fused_selective_log_softmax

    def logprob(logits: torch.Tensor, tokens: torch.Tensor, mask: torch.Tensor) -> Any:
        return fused_selective_log_softmax(logits, tokens, 1.0, mask).sum(-1)

    return logprob


def _flag_gems_logprob() -> Implementation:
    from flag_gems.fused.cross_entropy_loss import cross_entropy_loss

    def logprob(logits: torch.Tensor, tokens: torch.Tensor, mask: torch.Tensor) -> Any:
        rows = logits.view(-1, logits.shape[-1])
        loss = cross_entropy_loss(rows, tokens.view(-1), reduction=0)
        return -(loss.view(tokens.shape) * mask).sum(-1)

    return logprob


def _liger_loss() -> Implementation:
    from liger_kernel.transformers.functional import liger_cross_entropy

    def logprob(logits: torch.Tensor, tokens: torch.Tensor, mask: torch.Tensor) -> Any:
        rows = logits.view(-1, logits.shape[-1])
        loss = liger_cross_entropy(rows, tokens.view(-1), reduction="none")
        return -(loss.view(tokens.shape) * mask).sum(-1)

    return logprob
