"""The names that the command line knows are those that the worker knows."""

from __future__ import annotations

from grader import gpu_targets
from grader.worker.compile_check import DEFAULT_TARGETS, TARGETS


def test_the_command_line_knows_the_targets_of_the_compile_check() -> None:
    assert set(gpu_targets.NAMES) == set(TARGETS)


def test_the_default_targets_are_the_same() -> None:
    assert gpu_targets.DEFAULT == DEFAULT_TARGETS
