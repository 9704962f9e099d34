"""Calls in processes, some of which die."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from grader.authoring.pool import each_in_a_process


def square_or_die(number: int) -> int:
    """The square; three does not survive it."""
    if number == 3:
        os._exit(9)
    return number * number


def died(number: int) -> int:
    """The result of one whose process died."""
    return -number


def test_a_process_that_dies_costs_its_own_call_only() -> None:
    found = dict(each_in_a_process(square_or_die, {n: n for n in range(5)}, 2, died))
    assert found == {0: 0, 1: 1, 2: 4, 3: -3, 4: 16}


def test_no_calls_give_no_results() -> None:
    assert dict(each_in_a_process(square_or_die, {}, 2, died)) == {}


def wait_for_interruption(folder: Path) -> None:
    """A long call that interrupts the pool's owner, and cleans up when it is interrupted."""
    try:
        os.kill(os.getppid(), signal.SIGINT)
        signal.pause()
    finally:
        (folder / "cleaned-up").touch()


def test_an_interruption_lets_running_calls_clean_up_and_starts_no_other(tmp_path: Path) -> None:
    second = tmp_path / "second"
    second.mkdir()
    calls = each_in_a_process(wait_for_interruption, {1: tmp_path, 2: second}, 1, print)
    with pytest.raises(KeyboardInterrupt):
        dict(calls)
    assert (tmp_path / "cleaned-up").exists()
    assert not (second / "cleaned-up").exists()


def threads_of_a_call(_: int) -> str:
    return os.environ["OMP_NUM_THREADS"]


def test_the_processes_share_the_cores_among_their_threads() -> None:
    (told,) = set(dict(each_in_a_process(threads_of_a_call, {1: 1, 2: 2}, 2, str)).values())
    assert int(told) == max(1, (os.cpu_count() or 1) // 2)
