"""Each repair does what it should on the installed version of Triton."""

from __future__ import annotations

import json

import pytest

from grader.worker.interpreter import self_test, selftest


@pytest.mark.parametrize("name", selftest.names())
def test_repair(name: str) -> None:
    check = selftest.run(name)
    assert check.passed, check.detail


def test_all_checks_are_run_and_are_json() -> None:
    checks = self_test()
    assert [check.name for check in checks] == selftest.names()
    assert json.loads(json.dumps([check.to_json() for check in checks]))
