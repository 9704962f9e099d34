"""Lesson 7: cross-entropy and layer normalisation, forward and backward."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F

from benchmarks.performance.operation import Implementation, Operation, scenarios, solution

TOKENS_AND_WORDS = ((4096, 128_256), (16_384, 32_000), (4096, 32_000))
TOKENS_AND_FEATURES = (32_768, 8192)


def operations() -> Iterator[Operation]:
    """What lesson 7 is measured on."""
    for n_rows, n_columns in TOKENS_AND_WORDS:
        yield _cross_entropy(n_rows, n_columns)
    yield _layer_norm(*TOKENS_AND_FEATURES)


def _cross_entropy(n_rows: int, n_columns: int) -> Operation:
    both: Callable[..., Any] = scenarios("lesson07").forward_backward
    return Operation(
        name="cross_entropy forward + backward",
        size=f"{n_rows} x {n_columns} bf16",
        inputs=partial(_logits_and_targets, n_rows, n_columns),
        ours=partial(both, solution("lesson07").cross_entropy),
        torch=partial(both, F.cross_entropy),
        # Compiled is the loss alone: a backward pass inside would not be.
        others={"torch.compile": partial(both, torch.compile(_torch_loss, dynamic=False))},
        public={
            "liger-kernel": lambda: partial(both, _liger_loss()),
            "flag-gems": lambda: partial(both, _flag_gems_loss()),
        },
        bytes_moved=3 * n_rows * n_columns * 2,
        goal="≥ 92% of copy",
        remark="the rate counts two reads of the logits, part of which come from the cache; "
        "liger-kernel writes its gradient over the logits",
    )


def _layer_norm(n_rows: int, n_columns: int) -> Operation:
    both: Callable[..., Any] = scenarios("lesson07").forward_backward_from
    return Operation(
        name="layer_norm forward + backward",
        size=f"{n_rows} x {n_columns} bf16",
        inputs=partial(_hidden_states, n_rows, n_columns),
        ours=partial(both, solution("lesson07").layer_norm),
        torch=partial(both, _torch_norm),
        others={"torch.compile": partial(both, torch.compile(_torch_norm, dynamic=False))},
        public={
            "liger-kernel": lambda: partial(both, _liger_norm()),
            "flag-gems": _flag_gems_norm,
        },
        bytes_moved=5 * n_rows * n_columns * 2,
        goal="≥ 92% of copy",
    )


def _logits_and_targets(n_rows: int, n_columns: int) -> tuple[torch.Tensor, torch.Tensor]:
    logits = torch.randn(n_rows, n_columns, dtype=torch.bfloat16, device="cuda")
    return logits, torch.randint(n_columns, (n_rows,), device="cuda")


def _hidden_states(n_rows: int, n_columns: int) -> tuple[torch.Tensor, ...]:
    shapes = ((n_rows, n_columns), (n_columns,), (n_columns,), (n_rows, n_columns))
    return tuple(torch.randn(shape, dtype=torch.bfloat16, device="cuda") for shape in shapes)


def _torch_loss(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return F.cross_entropy(logits, targets)


def _torch_norm(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    return F.layer_norm(x, weight.shape, weight, bias)


def _liger_loss() -> Implementation:
    from liger_kernel.transformers.functional import liger_cross_entropy

    found: Implementation = liger_cross_entropy
    return found


def _liger_norm() -> Implementation:
    from liger_kernel.ops.layer_norm import LigerLayerNormFunction

    def norm(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> Any:
        return LigerLayerNormFunction.apply(x, weight, bias, 1e-5)

    return norm


def _flag_gems_loss() -> Implementation:
    from flag_gems.fused.cross_entropy_loss import cross_entropy_loss

    found: Implementation = cross_entropy_loss
    return found


def _flag_gems_norm() -> Implementation:
    from flag_gems.ops.layernorm import layer_norm, layer_norm_backward

    def both(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, dy: torch.Tensor) -> Any:
        _, mean, rstd = layer_norm(x, weight.shape, weight, bias)
        everything = [True, True, True]
        return layer_norm_backward(dy, x, weight.shape, mean, rstd, weight, bias, everything)

    return both
