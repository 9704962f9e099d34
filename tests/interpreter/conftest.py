"""All tests here run with the interpreter installed; it is taken out again for the others."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from grader.worker import interpreter


@pytest.fixture(scope="package", autouse=True)
def _installed() -> Iterator[None]:
    interpreter.install()
    from grader.worker.interpreter import switch

    yield
    switch.deactivate()
