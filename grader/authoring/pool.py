"""Many independent calls in a few processes, where a process that dies costs one call.

Knows nothing of grading. Results come in the order in which they are ready.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import TypeVar

Key = TypeVar("Key")
Item = TypeVar("Item")
Result = TypeVar("Result")


def each_in_a_process(
    call: Callable[[Item], Result],
    items: Mapping[Key, Item],
    jobs: int,
    died: Callable[[Item], Result],
) -> Iterator[tuple[Key, Result]]:
    """Call a function on every item, ``jobs`` at a time.

    Args:
        call: A function at module level; what it raises ends everything.
        items: Its arguments; they and the results must pickle.
        jobs: Number of processes.
        died: Gives the result of an item whose process was killed or crashed.

    Yields:
        An item's key and result, as soon as it is there.
    """
    left = dict(items)
    for key, result in _shared_pool(call, left, jobs):
        del left[key]
        yield key, result
    # A pool breaks as a whole. Whose fault it was shows when each has a process of its own.
    for key, item in left.items():
        try:
            with _pool(1) as pool:
                yield key, pool.submit(call, item).result()
        except BrokenProcessPool:
            yield key, died(item)


def _shared_pool(
    call: Callable[[Item], Result], items: Mapping[Key, Item], jobs: int
) -> Iterator[tuple[Key, Result]]:
    """Results until all are there or the pool breaks."""
    pool = _pool(min(jobs, len(items)) or 1)
    try:
        futures = {pool.submit(call, item): key for key, item in items.items()}
        for future in as_completed(futures):
            yield futures[future], future.result()
    except BrokenProcessPool:
        return
    finally:
        pool.shutdown(cancel_futures=True)


def _pool(jobs: int) -> ProcessPoolExecutor:
    # Not forked: the fork of a process that holds torch's threads may hang.
    return ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_ignore_interrupt)


def _ignore_interrupt() -> None:
    """Ctrl-C reaches every process of the terminal; the one that owns the pool ends it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
