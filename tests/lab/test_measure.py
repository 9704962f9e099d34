"""GPU time of a call, on a GPU whose queue and clocks are played: launching takes time too."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from grader.lab import measure
from grader.lab.measure import Spread, spreads


class Player:
    """A host that launches and a GPU that works, each at its own time, in seconds."""

    def __init__(self, flush_s: float) -> None:
        self.host = 0.0
        self.free = 0.0
        self.flushes = 0
        self._flush_s = flush_s

    def launch(self, host_s: float, gpu_s: float) -> None:
        """A kernel: the host is busy first, then the GPU, as soon as it is free."""
        self.host += host_s
        self.free = max(self.free, self.host) + gpu_s

    def sum(self) -> None:
        """What flushes the cache."""
        self.flushes += 1
        self.launch(5e-6, self._flush_s)

    def synchronize(self, *_: object) -> None:
        self.host = max(self.host, self.free)

    def event(self) -> SimpleNamespace:
        stamp = SimpleNamespace()
        stamp.record = lambda: setattr(stamp, "at", max(self.free, self.host))
        stamp.elapsed_time = lambda end: (end.at - stamp.at) * 1e3
        return stamp


@pytest.fixture
def player(monkeypatch: pytest.MonkeyPatch) -> Player:
    played = Player(flush_s=250e-6)
    monkeypatch.setattr(torch.cuda, "synchronize", played.synchronize)
    monkeypatch.setattr(torch, "ones", lambda *_, **__: played)
    monkeypatch.setattr(measure, "event", played.event)
    monkeypatch.setattr(measure, "_flush_bytes", lambda: 2**30)
    monkeypatch.setattr("time.perf_counter", lambda: played.host)
    return played


def test_the_time_of_a_call_is_that_of_its_kernels_however_long_python_takes(
    player: Player,
) -> None:
    def backward() -> None:
        for _ in range(20):
            player.launch(host_s=60e-6, gpu_s=10e-6)

    found = spreads({"quick": lambda: player.launch(20e-6, 30e-6), "backward": backward}, rounds=9)
    assert found["quick"].high == pytest.approx(30e-6)
    assert found["backward"].high == pytest.approx(200e-6)


def test_a_call_that_warms_the_cache_is_launched_behind_the_flushes_too(player: Player) -> None:
    def slow_to_launch() -> None:
        for _ in range(20):
            player.launch(host_s=60e-6, gpu_s=10e-6)

    found = spreads({"warm": slow_to_launch}, rounds=5, cold=False)
    assert found["warm"].high == pytest.approx(200e-6)


def test_a_quick_call_waits_behind_a_single_flush(player: Player) -> None:
    spreads({"quick": lambda: player.launch(20e-6, 30e-6)}, rounds=10)
    assert player.flushes == 4 + 10  # four to see how long one takes


def test_a_call_that_waits_for_the_gpu_is_not_chased_for_good(player: Player) -> None:
    def waits() -> None:
        player.launch(10e-6, 1.0)
        player.synchronize()

    found = spreads({"waits": waits}, rounds=2)
    assert player.flushes == 4 + 2 * 64
    assert found["waits"].median == pytest.approx(1.0, rel=1e-3)


def test_a_spread_tells_the_middle_and_the_tenths() -> None:
    assert Spread.of([float(n) for n in range(11)]) == Spread(5.0, 1.0, 9.0, 11)
