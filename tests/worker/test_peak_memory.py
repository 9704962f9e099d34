"""Peak memory is what one warm call allocates beyond its inputs, measured without guards."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch

from grader.judge.call import Call, Run
from grader.judge.peak_memory import PeakMemory
from grader.judge.submission import GradedFunction
from grader.results import Status
from grader.testing import Judged
from grader.worker.calls import peak_memory
from grader.worker.tiers import Tier


class Allocator:
    """Stands in for CUDA's counters: 100 bytes are taken before the measured call."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.peak = 100, 100
        monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", self.reset)
        monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: self.now)
        monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: self.peak)

    def reset(self, device: Any) -> None:
        self.peak = self.now

    def take(self, count: int) -> None:
        self.peak = max(self.peak, self.now + count)


def test_the_first_call_which_compiles_and_tunes_does_not_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    allocator = Allocator(monkeypatch)
    needs = iter([5000, 64])
    module = SimpleNamespace(work=lambda: allocator.take(next(needs)))
    request = {"function": "work", "tensors": [], "args": [], "kwargs": {}}
    tier = cast(Tier, SimpleNamespace(device=torch.device("cpu"), finish=lambda: None))

    assert peak_memory(request, module, None, tier) == 64


def function(peak: int, tier: str = "compiled", launches: bool = True) -> GradedFunction:
    launched = Run(None, (), (), (), ({"kernel": "work_kernel"},) if launches else ())
    session = SimpleNamespace(
        tier=tier,
        peak_memory=lambda invocation: peak,
        call=lambda invocation: Call("work", (), (launched,), "a GPU", ("work_kernel",)),
    )
    graded = SimpleNamespace(
        name="work",
        session=session,
        require_started=lambda: None,
        invocation=lambda args, kwargs, scenario, runs: None,
    )
    return cast(GradedFunction, graded)


def test_what_is_needed_may_be_allocated() -> None:
    PeakMemory()(function(4096), at_most_bytes=4096)


def test_a_temporary_tensor_is_too_much() -> None:
    with pytest.raises(Judged) as caught:
        PeakMemory()(function(3 * 4096), at_most_bytes=4096)

    assert caught.value.diagnosis.kind == "too-much-memory"


def test_a_function_that_computes_nothing_is_no_miser() -> None:
    with pytest.raises(Judged) as caught:
        PeakMemory()(function(0, launches=False), at_most_bytes=4096)

    assert caught.value.diagnosis.kind == "kernel-not-launched"


def test_without_a_gpu_peak_memory_is_deferred() -> None:
    with pytest.raises(Judged) as caught:
        PeakMemory()(function(0, tier="interpreted"), at_most_bytes=4096)

    assert caught.value.status is Status.DEFERRED
