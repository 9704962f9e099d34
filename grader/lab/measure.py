"""GPU time of several implementations, measured in turn, each call on a cold L2 cache.

For finding out how fast something is. Verdicts on students are ``grader.judge.timing``'s, by a
clock that the measured code cannot reach.
"""

from __future__ import annotations

import math
import random
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

# Read before each call: larger than the L2 cache of any GPU, and long enough to launch behind.
# Written, it would leave lines in the cache that the timed call has to write back.
_FLUSH_BYTES = 2**30
_LEAD = 2.0  # times as long as a call takes Python the GPU is kept busy before it
_MOST_FLUSHES = 64  # a call that waits for the GPU itself is never overtaken


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

    The GPU is busy with something else until Python has launched all of a call, so that it is the
    kernels that are timed and not the waiting for their launches.
    """
    launching = {name: _launching_seconds(call, warm_up) for name, call in implementations.items()}
    if not cold:  # what warms the cache is launched behind the same flushes
        launching = {name: 2 * seconds for name, seconds in launching.items()}
    flush = torch.ones(_flush_bytes() // 4, dtype=torch.float32, device="cuda")
    flushes = _flushes(launching, _gpu_seconds(flush.sum))
    spans: dict[str, list[tuple[Any, Any]]] = {name: [] for name in implementations}
    order = random.Random(0)
    for _ in range(rounds):
        for name in order.sample(sorted(implementations), len(implementations)):
            for _ in range(flushes[name]):
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


def _launching_seconds(call: Callable[[], Any], warm_up: int) -> float:
    """Warm up; how long Python takes to launch a call when it is warm."""
    seconds = 0.0
    for _ in range(max(warm_up, 1)):
        torch.cuda.synchronize()
        start = time.perf_counter()
        call()
        seconds = time.perf_counter() - start
    torch.cuda.synchronize()
    return seconds


def _gpu_seconds(call: Callable[[], Any]) -> float:
    """GPU time of a call at the least."""
    stamps = [event() for _ in range(4)]
    for stamp in stamps:
        stamp.record()
        call()
    torch.cuda.synchronize()
    spans = zip(stamps, stamps[1:], strict=False)
    return min(float(start.elapsed_time(end)) for start, end in spans) * 1e-3


def _flushes(launching: Mapping[str, float], flush_s: float) -> dict[str, int]:
    """How often the cache is flushed before each call, so that its launches can get ahead."""
    needed = {name: math.ceil(_LEAD * seconds / flush_s) for name, seconds in launching.items()}
    return {name: min(max(1, count), _MOST_FLUSHES) for name, count in needed.items()}


def _flush_bytes() -> int:
    cache = int(torch.cuda.get_device_properties(torch.cuda.current_device()).L2_cache_size)
    free = int(torch.cuda.mem_get_info()[0])
    return max(4 * cache, min(_FLUSH_BYTES, free // 4)) // 4 * 4
