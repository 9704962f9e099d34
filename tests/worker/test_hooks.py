"""The worker notices what a submission left to run inside of it."""

from __future__ import annotations

import signal
import sys
import threading

import pytest

from grader.worker import calls, integrity
from grader.worker.hooks import Hooks, WorkerChanged


@pytest.fixture
def hooks() -> Hooks:
    """The hooks as they are, and the worker's code too."""
    integrity.remember()
    return Hooks()


def test_what_is_not_touched_is_unchanged(hooks: Hooks) -> None:
    hooks.require_unchanged()


def test_a_profile_hook_is_named(hooks: Hooks) -> None:
    sys.setprofile(lambda *_: None)
    try:
        with pytest.raises(WorkerChanged, match=r"sys\.setprofile"):
            hooks.require_unchanged()
    finally:
        sys.setprofile(None)


def test_a_trace_function_for_threads_is_named(hooks: Hooks) -> None:
    threading.settrace(lambda *_: None)
    try:
        with pytest.raises(WorkerChanged, match=r"threading\.settrace"):
            hooks.require_unchanged()
    finally:
        threading.settrace(None)  # type: ignore[arg-type]


def test_a_signal_handler_is_named(hooks: Hooks) -> None:
    before = signal.signal(signal.SIGUSR1, lambda *_: None)
    try:
        with pytest.raises(WorkerChanged, match="SIGUSR1"):
            hooks.require_unchanged()
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_a_timer_is_named(hooks: Hooks) -> None:
    signal.setitimer(signal.ITIMER_REAL, 1000)
    try:
        with pytest.raises(WorkerChanged, match="setitimer"):
            hooks.require_unchanged()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def test_a_replaced_function_of_the_worker_is_named(
    hooks: Hooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls.Outcome, "write", lambda *_: None)
    with pytest.raises(WorkerChanged, match=r"grader\.worker\.calls\.Outcome\.write"):
        hooks.require_unchanged()
