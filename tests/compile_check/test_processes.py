from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

import pytest

from grader.worker.compile_check.processes import run_forked

Printed = Callable[[], str]


def succeeds(_: Printed) -> dict[str, Any]:
    return {"process": os.getpid()}


def prints(printed: Printed) -> dict[str, Any]:
    print("from Python")
    os.write(2, b"from the compiler")
    return {"printed": printed()}


def aborts(_: Printed) -> dict[str, Any]:
    os.write(2, b"LLVM ERROR: last words\n")
    os.abort()


def hangs(_: Printed) -> dict[str, Any]:
    while True:
        time.sleep(1)


def raises(_: Printed) -> dict[str, Any]:
    raise SystemExit("unexpected")


def test_tasks_run_in_other_processes_and_keep_their_order() -> None:
    tasks = [lambda _, n=n: {"number": n, "process": os.getpid()} for n in range(20)]
    values = [outcome.value for outcome in run_forked(tasks, processes=2, timeout_s=60)]
    assert [value and value["number"] for value in values] == list(range(20))
    processes = {value["process"] for value in values if value is not None}
    assert 1 <= len(processes) <= 2
    assert os.getpid() not in processes


def test_nothing_to_do_takes_no_process() -> None:
    assert run_forked([], processes=2, timeout_s=60) == []


def test_what_a_task_prints_reaches_the_task_only(capfd: pytest.CaptureFixture[str]) -> None:
    outcomes = run_forked([prints, prints], processes=1, timeout_s=60)
    for outcome in outcomes:
        assert outcome.value == {"printed": "from Python\nfrom the compiler"}
    assert capfd.readouterr() == ("", "")


def test_a_crash_costs_one_task_only() -> None:
    outcomes = run_forked([succeeds, aborts, succeeds, aborts], processes=1, timeout_s=60)
    assert [outcome.value is None for outcome in outcomes] == [False, True, False, True]
    assert outcomes[1].death == "SIGABRT"
    assert outcomes[1].printed == "LLVM ERROR: last words\n"
    assert not outcomes[1].timed_out


def test_an_exception_that_a_task_lets_through_is_a_crash() -> None:
    outcomes = run_forked([raises, succeeds], processes=1, timeout_s=60)
    assert outcomes[0].death == "exit code 1"
    assert "unexpected" in outcomes[0].printed
    assert outcomes[1].value is not None


def test_a_task_that_hangs_is_ended() -> None:
    outcomes = run_forked([hangs, succeeds], processes=2, timeout_s=0.5)
    assert outcomes[0].timed_out
    assert outcomes[1].value is not None


def test_long_answers_arrive_whole() -> None:
    outcomes = run_forked([lambda _: {"text": "x" * 500_000}], processes=1, timeout_s=60)
    assert outcomes[0].value == {"text": "x" * 500_000}


def test_no_descriptor_stays_open() -> None:
    before = os.listdir("/proc/self/fd")
    run_forked([succeeds, aborts], processes=2, timeout_s=60)
    assert os.listdir("/proc/self/fd") == before
