"""Many independent calls in a few processes, where a process that dies costs one call.

Knows nothing of grading. Results come in the order in which they are ready. An interruption
reaches a call as ``KeyboardInterrupt``, so that it can clean up, and nobody waits for the rest.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import active_children, get_context
from types import FrameType
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
                yield key, pool.submit(_interruptible, call, item).result()
        except BrokenProcessPool:
            yield key, died(item)


def _shared_pool(
    call: Callable[[Item], Result], items: Mapping[Key, Item], jobs: int
) -> Iterator[tuple[Key, Result]]:
    """Results until all are there or the pool breaks."""
    pool = _pool(min(jobs, len(items)) or 1)
    try:
        futures = {pool.submit(_interruptible, call, item): key for key, item in items.items()}
        for future in as_completed(futures):
            yield futures[future], future.result()
    except BrokenProcessPool:
        return
    except KeyboardInterrupt:
        for child in active_children():
            if child.pid is not None:
                os.kill(child.pid, signal.SIGINT)
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _pool(jobs: int) -> ProcessPoolExecutor:
    # Not forked: the fork of a process that holds torch's threads may hang.
    context = get_context("spawn")
    threads = max(1, (os.cpu_count() or 1) // jobs)
    return ProcessPoolExecutor(jobs, context, initializer=_Child.start, initargs=(threads,))


class _Child:
    """What a process of the pool knows about itself."""

    busy = False
    interrupted = False

    @classmethod
    def start(cls, threads: int) -> None:
        # Libraries would start a thread a core in every process, and these would wait for each
        # other for ten times as long as they work.
        os.environ["OMP_NUM_THREADS"] = str(threads)
        signal.signal(signal.SIGINT, cls._interrupt)

    @classmethod
    def _interrupt(cls, number: int, frame: FrameType | None) -> None:
        """End the running call, once: a terminal's Ctrl-C comes from the pool's owner as well."""
        first, cls.interrupted = not cls.interrupted, True
        if first and cls.busy:
            raise KeyboardInterrupt


def _interruptible(call: Callable[[Item], Result], item: Item) -> Result:
    """The call, unless the process was interrupted before."""
    if _Child.interrupted:
        raise KeyboardInterrupt
    _Child.busy = True
    try:
        return call(item)
    finally:
        _Child.busy = False
