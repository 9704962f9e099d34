"""A timed request from its workers to the verdict: whose turn it is, and whose doing the time."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from grader.judge.replies import ShortageError
from grader.judge.timing import ceiling, machine, request, turns
from grader.judge.timing.credit import Curve
from grader.judge.timing.machine import MachineState
from grader.judge.timing.measure import Round
from grader.judge.timing.request import Contest, SpeedRequest
from grader.judge.timing.roofline import Work
from grader.judge.timing.sequential import Trial, ratio_goal
from grader.judge.timing.sides import Batch
from grader.judge.timing.statistics import LOOKS
from grader.judge.timing.thresholds import Threshold
from grader.judge.timing.turns import turn
from grader.results import Status
from grader.testing import Judged

GPU = "GPU-12345678"
OTHER = 2**22 + 9  # no process has such an id
CURVE = Curve(zero=0.7, half=1.19, full=1.4)


@dataclass
class Played:
    """A comparison whose batches take as long as the test says; notes when the turn was held."""

    student_s: float = 1e-3
    shortages: int = 0
    held: list[bool] = field(default_factory=list)

    def note(self) -> None:
        with turn(GPU, patience_s=0) as contended:
            self.held.append(contended)

    def run(self, trial: Trial, rounds: list[Round]) -> None:
        self.note()
        while not trial.finished:
            a, b = (
                Batch(1, seconds, seconds, own_tensors=True, samples=())
                for seconds in (1e-3, self.student_s)
            )
            rounds.append(Round(a, b, b, a))
            trial.add(rounds[-1].quadruple)
            self.shortages -= 1
            if self.shortages >= 0:
                raise ShortageError("no room")


@dataclass(frozen=True)
class Asked(SpeedRequest):
    """A request whose workers are played."""

    played: Played = field(default_factory=Played)
    room: bool = True
    prepared: list[bool] = field(default_factory=list)

    def prepare(self) -> Any:
        with turn(GPU, patience_s=0) as contended:
            self.prepared.append(contended)
        return self.played

    def threshold(self, here: object) -> Threshold:
        return Threshold(CURVE, CURVE, calibrated=False)

    def has_room(self) -> bool:
        return self.room


@pytest.fixture
def on_gpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[int]:
    """Ids of the processes on the GPU that is played; the test adds to them."""
    processes = [os.getpid()]

    def snapshot(*_: object) -> MachineState:
        return MachineState("GPU", "570", 1.0, processes=tuple(processes))

    monkeypatch.setattr(turns, "FOLDERS", (tmp_path,))
    monkeypatch.setattr(request, "gpu_uuid", lambda: GPU)
    monkeypatch.setattr(request, "find", lambda *_: None)
    monkeypatch.setattr(machine, "snapshot", snapshot)
    return processes


def asked(played: Played, work: Work | None = None, room: bool = True) -> Asked:
    grading: Any = SimpleNamespace(
        lesson=SimpleNamespace(root=Path()),
        describe=lambda: SimpleNamespace(name="GPU"),
        processes=lambda: {os.getpid()},
        patience_s=0.0,
    )
    nothing: Any = None
    contest = Contest("torch_add", "inputs", "torch_add", "inputs")
    return Asked(grading, "test_speed", nothing, contest, work or Work(), played, room)


# ----------------------------------------------------------------------------- turns


@pytest.mark.usefixtures("on_gpu")
def test_batches_are_timed_in_a_turn_and_workers_prepared_beside_others() -> None:
    speed = asked(Played())
    speed.verdict()
    assert (speed.prepared, speed.played.held) == ([False], [True])
    with turn(GPU, patience_s=0) as contended:
        assert not contended


@pytest.mark.usefixtures("on_gpu")
def test_a_ceiling_that_is_not_known_is_measured_in_a_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    played = Played()
    monkeypatch.setattr(ceiling, "copy_bandwidth", lambda _: played.note() or 1e12)
    asked(played, Work(bytes_moved=1e8)).verdict()
    assert played.held == [True, True]


@pytest.mark.usefixtures("on_gpu")
def test_who_waited_in_vain_waits_no_second_time_and_loses_nothing() -> None:
    speed = asked(Played())
    speed.grading.patience_s = 0.01
    with turn(GPU):
        verdict, _ = speed.verdict()
    assert verdict.status is Status.INCONCLUSIVE
    assert speed.grading.patience_s == 0.0


# ---------------------------------------------------------------------------- others


@pytest.mark.usefixtures("on_gpu")
def test_too_slow_on_a_gpu_of_ones_own_is_slow() -> None:
    verdict, timing = asked(Played()).verdict()
    assert verdict.status is Status.SLOW
    assert timing is not None
    assert timing["flags"] == []


def test_too_slow_beside_somebody_elses_process_is_measured_again(on_gpu: list[int]) -> None:
    on_gpu.append(OTHER)
    verdict, timing = asked(Played()).verdict()
    assert verdict.status is Status.INCONCLUSIVE
    assert timing is not None
    assert timing["flags"] == ["GPU shared: 1 other process"]


def test_fast_enough_beside_somebody_elses_process_passes(on_gpu: list[int]) -> None:
    on_gpu.append(OTHER)
    verdict, _ = asked(Played(student_s=0.5e-3)).verdict()
    assert verdict.status is Status.PASSED


@pytest.mark.parametrize(("others", "status"), [(0, Status.REFUSED), (1, Status.INCONCLUSIVE)])
def test_faster_than_possible_accuses_only_on_a_gpu_of_ones_own(
    on_gpu: list[int], monkeypatch: pytest.MonkeyPatch, others: int, status: Status
) -> None:
    on_gpu += [OTHER] * others
    monkeypatch.setattr(ceiling, "copy_bandwidth", lambda _: 1e9)
    verdict, _ = asked(Played(student_s=1e-6), Work(bytes_moved=1e7)).verdict()
    assert verdict.status is status


def test_what_the_grader_started_is_no_excuse(on_gpu: list[int], child: int) -> None:
    on_gpu.append(child)
    assert asked(Played()).verdict()[0].status is Status.SLOW


# ---------------------------------------------------------------- shortage of memory


@pytest.mark.usefixtures("on_gpu")
def test_after_a_shortage_the_measurement_goes_on_with_what_it_has() -> None:
    trial = Trial(ratio_goal(0.5))
    speed = asked(Played(shortages=1))
    assert len(speed.measured(trial).rounds) == len(trial.quadruples) == LOOKS[0]
    assert len(speed.prepared) == 2


@pytest.mark.usefixtures("on_gpu")
@pytest.mark.parametrize(
    ("shortages", "room"),
    [(1, False), (2, True)],  # the second: baseline's worker or judge, so nobody's fault
)
def test_memory_that_stays_short_while_timing_costs_no_points(shortages: int, room: bool) -> None:
    with pytest.raises(Judged) as caught:
        asked(Played(shortages=shortages), room=room).measured(Trial(ratio_goal(0.5)))
    assert caught.value.status is Status.DEFERRED


def test_the_name_of_a_gpu_is_the_drivers(monkeypatch: pytest.MonkeyPatch) -> None:
    there = SimpleNamespace(uuid="12345678-abcd")
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: there)
    assert request.gpu_uuid() == "GPU-12345678-abcd"
