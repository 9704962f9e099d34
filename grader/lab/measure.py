"""GPU time of several implementations, measured in turn, each call on a cold L2 cache.

For finding out how fast something is. Verdicts on students are ``grader.judge.timing``'s, by a
clock that the measured code cannot reach.
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

# Read before each call: larger than the L2 cache of any GPU, and long enough to launch behind.
# Written, it would leave lines in the cache that the timed call has to write back.
_FLUSH_BYTES = 2**30


@dataclass(frozen=True)
class Spread:
    """Seconds of many calls, summed up.

    Attributes:
        median: Half of the calls took less.
        low: A tenth of the calls took less.
        high: A tenth took more.
        calls: How many there were.
    """

    median: float
    low: float
    high: float
    calls: int

    @staticmethod
    def of(seconds: Sequence[float]) -> Spread:
        """Sum up."""
        ordered = sorted(seconds)
        tenth = len(ordered) // 10
        return Spread(statistics.median(ordered), ordered[tenth], ordered[-1 - tenth], len(ordered))


def spreads(
    implementations: Mapping[str, Callable[[], Any]],
    rounds: int = 40,
    warm_up: int = 4,
    *,
    cold: bool = True,
) -> dict[str, Spread]:
    """GPU time of one call, by name.

    Args:
        implementations: What to call; all of them in each round, in random order.
        rounds: Calls of each that are timed.
        warm_up: Calls of each before that, which compile and tune.
        cold: Whether the L2 cache holds nothing of use when a call begins.
    """
    for call in implementations.values():
        for _ in range(warm_up):
            call()
    torch.cuda.synchronize()
    flush = torch.ones(_flush_bytes() // 4, dtype=torch.float32, device="cuda")
    spans: dict[str, list[tuple[Any, Any]]] = {name: [] for name in implementations}
    order = random.Random(0)
    for _ in range(rounds):
        for name in order.sample(sorted(implementations), len(implementations)):
            flush.sum()
            if not cold:
                implementations[name]()
            start, end = event(), event()
            start.record()
            implementations[name]()
            end.record()
            spans[name].append((start, end))
    torch.cuda.synchronize()
    return {
        name: Spread.of([start.elapsed_time(end) * 1e-3 for start, end in pairs])
        for name, pairs in spans.items()
    }


def median_seconds(
    implementations: Mapping[str, Callable[[], Any]], rounds: int = 40, warm_up: int = 4
) -> dict[str, float]:
    """Median GPU time of one call on a cold cache, by name; see ``spreads``."""
    found = spreads(implementations, rounds, warm_up)
    return {name: spread.median for name, spread in found.items()}


def event() -> Any:
    """A timestamp that the GPU writes when it gets there."""
    timestamp: Any = torch.cuda.Event
    return timestamp(enable_timing=True)


def _flush_bytes() -> int:
    cache = int(torch.cuda.get_device_properties(torch.cuda.current_device()).L2_cache_size)
    free = int(torch.cuda.mem_get_info()[0])
    return max(4 * cache, min(_FLUSH_BYTES, free // 4)) // 4 * 4
