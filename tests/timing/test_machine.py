"""The GPU's state: read-only, and never a reason to fail."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from grader.judge.timing import machine, machine_smi
from grader.judge.timing.machine import MachineState, others, snapshot, warnings

BEFORE = MachineState("NVIDIA H200", "570.86.15", 100.0, processes=())


class Nvml(ModuleType):
    """NVML's binding as the driver answers through it; notes every name that is used."""

    def __init__(self, answers: dict[str, Any]) -> None:
        super().__init__("pynvml")
        self.__dict__["answers"] = answers
        self.__dict__["used"] = []
        self.__dict__["NVMLError"] = type("NVMLError", (Exception,), {})

    def __getattr__(self, name: str) -> Any:
        self.used.append(name)

        def call(*arguments: Any) -> Any:
            answer = self.answers.get(name, self.NVMLError("not supported"))
            if isinstance(answer, Exception):
                raise answer
            return answer(*arguments) if callable(answer) else answer

        return call


H200 = {
    "nvmlInit": None,
    "nvmlShutdown": None,
    "nvmlDeviceGetHandleByIndex": "device",
    "nvmlDeviceGetHandleByUUID": "device",
    "nvmlDeviceGetName": "NVIDIA H200",
    "nvmlSystemGetDriverVersion": b"570.86.15",
    "nvmlDeviceGetClockInfo": lambda _, kind: {1: 1755, 2: 3201}[kind],
    "nvmlDeviceGetMaxClockInfo": lambda _, kind: {1: 1980, 2: 3201}[kind],
    "nvmlDeviceGetTemperature": 41,
    "nvmlDeviceGetPowerUsage": 612_000,
    "nvmlDeviceGetCurrentClocksThrottleReasons": 0x04 | 0x40 | 0x01,
    "nvmlDeviceGetViolationStatus": lambda _, policy: SimpleNamespace(
        violationTime=(2_500_000_000, 0)[policy]
    ),
    "nvmlDeviceGetComputeRunningProcesses": [SimpleNamespace(pid=11), SimpleNamespace(pid=12)],
    "nvmlDeviceGetMemoryBusWidth": 6144,
}


@pytest.fixture
def nvml(monkeypatch: pytest.MonkeyPatch) -> Nvml:
    binding = Nvml(dict(H200))
    monkeypatch.setitem(sys.modules, "pynvml", binding)
    return binding


@pytest.fixture
def no_nvml(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)


# -- NVML ----------------------------------------------------------------------------------


@pytest.mark.usefixtures("nvml")
def test_everything_that_an_appeal_would_ask_for_is_read() -> None:
    found = snapshot("GPU-1b2c")
    assert found is not None
    expected = MachineState(
        name="NVIDIA H200",
        driver="570.86.15",
        seconds=found.seconds,
        sm_mhz=1755,
        sm_max_mhz=1980,
        memory_mhz=3201,
        temperature_c=41,
        power_w=612.0,
        throttle=("power", "temperature"),
        power_throttled_s=2.5,
        thermal_throttled_s=0.0,
        processes=(11, 12),
        peak_bytes_per_s=pytest.approx(4.917e12, rel=1e-3),  # the data sheet says 4.8 TB/s
    )
    assert found == expected


def test_who_worked_is_asked_for_a_span_of_time(nvml: Nvml) -> None:
    samples = [SimpleNamespace(pid=12, smUtil=30), SimpleNamespace(pid=11, smUtil=0)] * 2
    asked: list[int] = []
    nvml.__dict__["answers"]["nvmlDeviceGetProcessUtilization"] = lambda _, since: (
        asked.append(since) or samples
    )
    found = snapshot(0, since_us=7)
    assert found is not None
    assert (found.working, asked) == ((12,), [7])


@pytest.mark.usefixtures("nvml")
def test_who_worked_is_unknown_where_the_driver_does_not_tell() -> None:
    found = snapshot(0, since_us=7)
    assert found is not None
    assert found.working is None


def test_settings_are_never_changed(nvml: Nvml) -> None:
    snapshot(0)
    snapshot("GPU-1b2c")
    allowed = ("nvmlInit", "nvmlShutdown", "nvmlDeviceGet", "nvmlSystemGet")
    assert nvml.used
    assert [name for name in nvml.used if not name.startswith(allowed)] == []
    assert nvml.used.count("nvmlInit") == nvml.used.count("nvmlShutdown") == 2


def test_what_a_gpu_does_not_tell_is_none(nvml: Nvml) -> None:
    told = ("nvmlInit", "nvmlShutdown", "nvmlDeviceGetHandleByIndex", "nvmlDeviceGetName")
    nvml.__dict__["answers"] = {name: H200[name] for name in told} | {
        "nvmlSystemGetDriverVersion": "570"
    }
    found = snapshot(0)
    assert found is not None
    assert found.throttle == ()
    told_nothing = (found.sm_mhz, found.power_w, found.processes, found.peak_bytes_per_s)
    assert told_nothing == (None, None, None, None)


def test_a_gpu_that_is_not_there_has_no_state(nvml: Nvml, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_smi.shutil, "which", lambda _: None)
    del nvml.answers["nvmlDeviceGetHandleByIndex"]
    assert snapshot(7) is None
    assert nvml.used[-1] == "nvmlShutdown"


# -- nvidia-smi ----------------------------------------------------------------------------


def _answer_smi(monkeypatch: pytest.MonkeyPatch, gpu_row: str, pids: str) -> list[list[str]]:
    asked: list[list[str]] = []

    def run(command: list[str], **_: Any) -> SimpleNamespace:
        asked.append(command)
        return SimpleNamespace(stdout=gpu_row if "--query-gpu" in command[3] else pids)

    monkeypatch.setattr(machine_smi.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(machine_smi.subprocess, "run", run)
    return asked


@pytest.mark.usefixtures("no_nvml")
def test_without_the_binding_nvidia_smi_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    row = "NVIDIA L4, 550.54, 1200, 2040, 6251, 66, [N/A], 0x0000000000000020\n"
    asked = _answer_smi(monkeypatch, row, "4242\n")
    found = snapshot(1)
    assert found is not None
    assert (found.name, found.driver, found.source) == ("NVIDIA L4", "550.54", "nvidia-smi")
    assert (found.sm_mhz, found.power_w) == (1200.0, None)
    assert (found.throttle, found.processes) == (("temperature",), (4242,))
    options = {option.partition("=")[0] for command in asked for option in command[1:]}
    assert options == {"-i", "1", "--query-gpu", "--query-compute-apps", "--format"}


@pytest.mark.usefixtures("no_nvml")
@pytest.mark.parametrize("row", ["", "No devices were found\n", "a, b\n"])
def test_an_answer_that_makes_no_sense_is_no_state(
    monkeypatch: pytest.MonkeyPatch, row: str
) -> None:
    _answer_smi(monkeypatch, row, "")
    assert snapshot(0) is None


@pytest.mark.usefixtures("no_nvml")
@pytest.mark.parametrize(
    "error", [OSError(), subprocess.TimeoutExpired("x", 1), subprocess.CalledProcessError(9, "x")]
)
def test_a_failing_nvidia_smi_is_no_state(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: Exception
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(machine_smi.shutil, "which", lambda _: str(tmp_path))
    monkeypatch.setattr(machine_smi.subprocess, "run", fail)
    assert machine.snapshot(0) is None


# -- warnings ------------------------------------------------------------------------------


def test_a_quiet_gpu_gives_no_warning() -> None:
    after = replace(BEFORE, seconds=104.0, processes=(1, 2, 3))
    assert warnings(BEFORE, after) == []
    assert warnings(None, after) == warnings(BEFORE, None) == []


def test_time_spent_throttled_is_told_by_the_drivers_counters() -> None:
    before = replace(BEFORE, power_throttled_s=7.0, thermal_throttled_s=0.0, throttle=("power",))
    after = replace(before, seconds=104.0, power_throttled_s=8.0)
    assert warnings(before, after) == ["throttled: power, 25% of the time"]
    assert warnings(before, replace(after, power_throttled_s=7.01)) == []


def test_without_counters_what_was_seen_is_told() -> None:
    after = replace(BEFORE, seconds=104.0, throttle=("temperature", "power brake"))
    assert warnings(BEFORE, after) == ["throttled: temperature", "throttled: power brake"]


@pytest.mark.parametrize(
    ("listed", "own", "count"),
    [
        ((1, 2, 99), (1, 2, 3), 1),
        ((98, 99), (), 2),
        ((901, 902, 903), (1, 2, 3), 0),  # ids of the host, seen from a container
        ((901, 902, 903, 904), (1, 2, 3), 1),
        ((), (1, 2), 0),
        (None, (1,), 0),
    ],
)
def test_other_users_of_the_gpu_are_counted(
    listed: tuple[int, ...] | None, own: tuple[int, ...], count: int
) -> None:
    assert others(replace(BEFORE, processes=listed), own) == count


def test_what_a_submission_started_is_nobody_elses() -> None:
    gpu = replace(BEFORE, processes=(1, 2, 7, 99))
    assert others(gpu, own=(1, 2), related=(5, 7)) == 1


def test_a_gpu_that_tells_nothing_has_no_others() -> None:
    assert others(None, own=(1,)) == 0


def test_a_shared_gpu_is_named() -> None:
    assert warnings(BEFORE, BEFORE, others=1) == ["GPU shared: 1 other process"]
    assert warnings(None, None, others=2) == ["GPU shared: 2 other processes"]
