"""Traffic is judged between what must be moved and what may be."""

from __future__ import annotations

from typing import Any, cast

import pytest
import torch

from grader.judge.call import Call, Input, Returned, Run
from grader.judge.submission import GradedFunction
from grader.judge.traffic import Traffic
from grader.results import Status
from grader.testing import Judged

N = 256
BYTES = 4 * N


def launch(loaded: int, stored: int = BYTES, reads: float = 1.0) -> dict[str, Any]:
    x = {"parameter": "x_ptr", "bytes_loaded": loaded, "bytes_stored": 0}
    z = {"parameter": "z_ptr", "bytes_loaded": 0, "bytes_stored": stored}
    tensors = [x | {"reads_per_element": reads}, z | {"reads_per_element": 0.0}]
    return {"kernel": "copy_kernel", "tensors": tensors}


def function(*launches: dict[str, Any]) -> GradedFunction:
    """A function that copied one tensor, as its worker would report it."""
    tensor = torch.zeros(N)
    result = Returned(tensor, (1,), "cpu", None, None, 0)
    run = Run(result, (tensor,), (), (), launches)
    call = Call("copy", (Input("x", tensor),), (run,), "interpreter")
    return cast(GradedFunction, lambda *args: call)


def test_one_read_and_one_write_are_the_minimum() -> None:
    traffic = Traffic()

    traffic(function(launch(BYTES)), at_most=1.0)

    assert traffic.traffic is not None
    assert (traffic.traffic["ratio"], traffic.traffic["minimum_bytes"]) == (1.0, 2 * BYTES)


def test_a_second_read_is_too_much_and_named() -> None:
    with pytest.raises(Judged) as caught:
        Traffic()(function(launch(2 * BYTES, reads=2.0)), at_most=1.0)

    assert (caught.value.status, caught.value.diagnosis.kind) == (Status.FAILED, "too-much-traffic")
    assert "x_ptr was read 2.00 times in copy_kernel" in caught.value.diagnosis.message


def test_what_a_lesson_allows_is_allowed() -> None:
    Traffic()(function(launch(2 * BYTES, reads=2.0)), at_most=1.5)


def test_traffic_of_all_launches_counts() -> None:
    traffic = Traffic()

    traffic(function(launch(BYTES), launch(BYTES)), at_most=2.0)

    assert traffic.traffic is not None
    assert traffic.traffic["ratio"] == 2.0


@pytest.mark.parametrize("launches", [(), (launch(0, stored=0),)])
def test_less_than_any_kernel_must_move_is_refused(launches: tuple[dict[str, Any], ...]) -> None:
    with pytest.raises(Judged) as caught:
        Traffic()(function(*launches), at_most=1.0)

    assert (caught.value.status, caught.value.diagnosis.kind) == (
        Status.REFUSED,
        "impossible-traffic",
    )


def test_a_forged_record_costs_the_test_and_not_the_judge() -> None:
    with pytest.raises(Judged) as caught:
        Traffic()(function({"kernel": "k", "tensors": [{"bytes_loaded": "all"}]}), at_most=1.0)

    assert caught.value.diagnosis.kind == "malformed-frame"
