"""What the scenarios of a lesson import: graded work that is no plain function of tensors.

A scenario is a function of ``course/lessonNN/scenarios.py``. It runs in the worker beside the
submission, gets the submission's function first, takes and gives tensors and numbers, and may
use torch: a backward pass, a training loop. What comes out is compared by the judge, which runs
the same scenario with its own function.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch


def import_for_gradients() -> None:
    """Import what torch imports when a gradient is first given to ``autograd``.

    Its check of shapes brings symbolic ones along: some 500 modules, 0.6 s on a CPU. A process
    that will need them imports them while it starts, beside the others of its run.
    """
    import torch.fx.experimental.symbolic_shapes  # noqa: F401


def gradients(
    function: Callable[..., Any],
    *args: Any,
    wrt: Sequence[int],
    upstream: Sequence[torch.Tensor] = (),
    passes: int = 1,
    **kwargs: Any,
) -> tuple[Any, ...]:
    """Call a function and differentiate what it returned.

    Args:
        function: Returns a tensor or a tuple; its tensors that need gradients are outputs.
        *args: Its arguments.
        wrt: Positions of the tensors among ``args`` to differentiate with respect to.
        upstream: Gradient of each output that needs gradients, in order; left out, 1 for a
            single scalar.
        passes: How often to run backward over the same graph; the last gradients count.
        **kwargs: Its keyword arguments.

    Returns:
        All outputs, detached, then one gradient for each of ``wrt``; ``None`` where the
        function does not depend on it.
    """
    given = [
        value.detach().requires_grad_() if position in wrt else value
        for position, value in enumerate(args)
    ]
    result = function(*given, **kwargs)
    outputs = tuple(result) if isinstance(result, tuple | list) else (result,)
    roots = [one for one in outputs if isinstance(one, torch.Tensor) and one.requires_grad]
    found: tuple[torch.Tensor | None, ...] = ()
    for turn in range(passes):
        found = torch.autograd.grad(
            roots,
            [given[position] for position in wrt],
            tuple(upstream) or None,
            retain_graph=turn < passes - 1,
            allow_unused=True,
        )
    detached = (one.detach() if isinstance(one, torch.Tensor) else one for one in outputs)
    return (*detached, *found)
