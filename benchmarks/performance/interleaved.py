"""GPU time of several implementations, measured in turn, each call on a cold L2 cache.

For finding out how fast something is. Verdicts on students are ``grader.judge.timing``'s, by a
clock that the measured code cannot reach.
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable, Mapping
from typing import Any

import torch

# Read before each call: larger than the L2 cache of any GPU, and long enough to launch behind.
# Written, it would leave lines in the cache that the timed call has to write back.
_FLUSH_BYTES = 2**30


def median_seconds(
    implementations: Mapping[str, Callable[[], Any]], rounds: int = 40, warm_up: int = 4
) -> dict[str, float]:
    """Median GPU time of one call, by name.

    Args:
        implementations: What to call; all of them in each round, in random order.
        rounds: Calls of each that are timed.
        warm_up: Calls of each before that, which compile and tune.
    """
    for call in implementations.values():
        for _ in range(warm_up):
            call()
    torch.cuda.synchronize()
    flush = torch.ones(_FLUSH_BYTES // 4, dtype=torch.float32, device="cuda")
    spans: dict[str, list[tuple[Any, Any]]] = {name: [] for name in implementations}
    order = random.Random(0)
    for _ in range(rounds):
        for name in order.sample(sorted(implementations), len(implementations)):
            flush.sum()
            start, end = _event(), _event()
            start.record()
            implementations[name]()
            end.record()
            spans[name].append((start, end))
    torch.cuda.synchronize()
    return {
        name: statistics.median(start.elapsed_time(end) for start, end in pairs) * 1e-3
        for name, pairs in spans.items()
    }


def _event() -> Any:
    return torch.cuda.Event(enable_timing=True)
