"""Each planted defect is found: the right kind, tensor, access and line."""

from __future__ import annotations

import pytest

from grader.worker.interpreter import record
from tests.interpreter.kernels.defective import CASES, Case


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_defect_is_found_on_its_line(case: Case) -> None:
    with record() as recording:
        case.launch()
    found = {(f.kind, f.tensor, f.access, f.line) for f in recording.findings}
    assert (case.kind, case.tensor, case.access, case.line) in found
    assert {f.line for f in recording.findings} <= case.related_lines


def test_there_are_many_defects() -> None:
    assert len(CASES) >= 30
    assert len({case.kernel.fn.__name__ for case in CASES}) >= 30
