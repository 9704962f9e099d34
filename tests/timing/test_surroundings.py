"""Who else is on a GPU beside a measurement, and who is not somebody else."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from grader.judge.timing import machine
from grader.judge.timing.machine import MachineState
from grader.judge.timing.surroundings import Surroundings, Watch

OWN = 2**22 + 1  # no process has such an id
OTHER = 2**22 + 9
Look = Callable[..., None]


@pytest.fixture
def look(monkeypatch: pytest.MonkeyPatch) -> Look:
    """Says what the next look at the GPU finds."""
    states: list[MachineState] = []

    def add(*processes: int, working: tuple[int, ...] | None = None) -> None:
        states.append(MachineState("GPU", "570", 1.0, processes=processes, working=working))

    monkeypatch.setattr(machine, "snapshot", lambda *_: states.pop(0))
    return add


def seen(own: Callable[[], set[int]] = lambda: {OWN}, contended: bool = False) -> Surroundings:
    with Watch("GPU-1", own) as watch:
        pass
    return watch.seen(contended)


def test_a_gpu_of_ones_own_has_no_others(look: Look) -> None:
    look(OWN)
    look(OWN, working=(OWN,))
    found = seen()
    assert (found.others, found.at_work, found.flags) == (0, 0, [])


def test_others_may_have_worked_unless_the_driver_tells(look: Look) -> None:
    look(OWN, OTHER)
    look(OWN, OTHER)
    found = seen()
    assert (found.others, found.at_work) == (1, 1)
    assert found.flags == ["GPU shared: 1 other process"]


def test_others_that_only_sit_there_did_not_work(look: Look) -> None:
    look(OWN, OTHER)
    look(OWN, OTHER, working=(OWN,))
    found = seen()
    assert (found.others, found.at_work) == (1, 0)


def test_who_came_and_went_meanwhile_worked(look: Look) -> None:
    look(OWN)
    look(OWN, working=(OWN, OTHER))
    assert seen().at_work == 1


def test_a_list_of_workers_without_ones_own_proves_nothing(look: Look) -> None:
    look(OWN, OTHER)
    look(OWN, OTHER, working=(OTHER + 1,))
    assert seen().at_work == 1


def test_workers_that_were_replaced_are_not_somebody_elses(look: Look) -> None:
    look(OWN, OWN + 1)
    look(OWN, OWN + 2)
    ids = iter([{OWN, OWN + 1}] * 2 + [{OWN, OWN + 2}] * 2)
    assert seen(lambda: next(ids)).others == 0


def test_what_this_process_started_is_not_somebody_elses(look: Look, child: int) -> None:
    look(os.getpid(), child)
    look(os.getpid(), child, working=(os.getpid(), child))
    found = seen(lambda: {os.getpid()})
    assert (found.others, found.at_work) == (0, 0)


def test_another_grading_that_is_known_to_measure_is_at_work(look: Look) -> None:
    look()
    look()
    assert seen(contended=True).at_work == 1


def test_a_gpu_that_tells_nothing_has_nobody_on_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "snapshot", lambda *_: None)
    assert seen() == Surroundings()
