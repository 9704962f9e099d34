"""The GPU's state around a measurement: clocks, temperature, throttling, who else is on it.

Read-only: only queries of NVML, or of ``nvidia-smi`` where its Python binding is missing,
never a call that changes a setting. Whatever cannot be read is None; no failure here ends a
grading run.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from typing import Any

from grader.judge.timing.machine_smi import query_smi

# Bits of NVML's clock event reasons that mean: slower than asked. Source: nvml.h.
_REASONS = {
    0x04: "power",
    0x08: "hardware slowdown",
    0x20: "temperature",
    0x40: "temperature",
    0x80: "power brake",
}
_SM, _MEMORY = 1, 2  # nvmlClockType_t
_POWER, _THERMAL = 0, 1  # nvmlPerfPolicyType_t
_SENSOR = 0  # nvmlTemperatureSensors_t: the GPU die

THROTTLED = 0.02
"""Share of the time spent throttled above which it is named."""


@dataclass(frozen=True)
class MachineState:
    """One GPU at one moment; None where the driver does not tell.

    Attributes:
        name: Marketing name.
        driver: Driver version.
        seconds: Monotonic time of the reading.
        sm_mhz: Clock of the multiprocessors.
        sm_max_mhz: Their highest clock.
        memory_mhz: Clock of the memory.
        temperature_c: Temperature of the die in degrees Celsius.
        power_w: Power draw in watts.
        throttle: Why it is slower than asked at this moment.
        power_throttled_s: Seconds throttled by power since the driver was loaded.
        thermal_throttled_s: The same by temperature.
        processes: Ids of the processes that compute on it, as the driver counts them.
        working: Ids of those that used its multiprocessors since the moment asked for.
        peak_bytes_per_s: Memory bandwidth by data sheet: twice the clock times the width.
        source: ``"nvml"`` or ``"nvidia-smi"``.
    """

    name: str
    driver: str | None
    seconds: float
    sm_mhz: float | None = None
    sm_max_mhz: float | None = None
    memory_mhz: float | None = None
    temperature_c: float | None = None
    power_w: float | None = None
    throttle: tuple[str, ...] = ()
    power_throttled_s: float | None = None
    thermal_throttled_s: float | None = None
    processes: tuple[int, ...] | None = None
    working: tuple[int, ...] | None = None
    peak_bytes_per_s: float | None = None
    source: str = "nvml"

    def to_json(self) -> dict[str, Any]:
        """The form in a receipt."""
        return asdict(self)


def snapshot(gpu: int | str = 0, since_us: int | None = None) -> MachineState | None:
    """The state of a GPU now; None where there is none to ask.

    Args:
        gpu: Its UUID (``"GPU-…"``), which CUDA and the driver agree on, or the driver's
            index, which ``CUDA_VISIBLE_DEVICES`` may number otherwise than CUDA.
        since_us: Microseconds since the epoch; who worked since then is asked as well.
    """
    return _snapshot_nvml(gpu, since_us) or _snapshot_smi(gpu)


def warnings(before: MachineState | None, after: MachineState | None, others: int = 0) -> list[str]:
    """What made a measurement less than fair: a throttled or a shared GPU.

    Args:
        before: The GPU before the measurement.
        after: The GPU after it.
        others: How many processes of others were on it.
    """
    found: list[str] = []
    if before is not None and after is not None:
        found += [f"throttled: {reason}" for reason in _throttled(before, after)]
    if others:
        noun = "process" if others == 1 else "processes"
        found.append(f"GPU shared: {others} other {noun}")
    return found


def others(state: MachineState | None, own: Collection[int], related: Collection[int] = ()) -> int:
    """How many processes on a GPU are somebody else's; 0 where the driver does not tell.

    In a container the driver may count processes by ids of the host; then none is
    recognised and only their number tells.

    Args:
        state: The GPU.
        own: Ids of the grader's processes that are on the GPU.
        related: Ids of what they started, which may be on it.
    """
    listed = set((state and state.processes) or ())
    if listed & set(own):
        return len(listed - {*own, *related})
    return max(0, len(listed) - len(set(own)))


def _throttled(before: MachineState, after: MachineState) -> list[str]:
    """By the driver's counters where it has them, else by what either reading caught."""
    reasons = dict.fromkeys((*before.throttle, *after.throttle))
    span = after.seconds - before.seconds
    for reason, counter in (("power", "power_throttled_s"), ("temperature", "thermal_throttled_s")):
        start, end = getattr(before, counter), getattr(after, counter)
        if start is None or end is None or span <= 0:
            continue
        reasons.pop(reason, None)
        share = (end - start) / span
        if share > THROTTLED:
            reasons[f"{reason}, {min(share, 1.0):.0%} of the time"] = None
    return list(reasons)


def _snapshot_nvml(gpu: int | str, since_us: int | None) -> MachineState | None:
    try:
        nvml: Any = importlib.import_module("pynvml")
        nvml.nvmlInit()
    except Exception:  # noqa: B902 - no binding, no driver, an old driver: all the same here
        return None
    try:
        return _read_nvml(nvml, gpu, since_us)
    except nvml.NVMLError:
        return None
    finally:
        nvml.nvmlShutdown()


def _read_nvml(nvml: Any, gpu: int | str, since_us: int | None) -> MachineState:
    by_uuid = isinstance(gpu, str)
    find = nvml.nvmlDeviceGetHandleByUUID if by_uuid else nvml.nvmlDeviceGetHandleByIndex
    device = find(gpu)

    def ask(query: str, *details: int) -> Any:
        try:
            return getattr(nvml, f"nvmlDeviceGet{query}")(device, *details)
        except (nvml.NVMLError, AttributeError):
            return None

    return MachineState(
        name=_text(nvml.nvmlDeviceGetName(device)),
        driver=_text(nvml.nvmlSystemGetDriverVersion()),
        seconds=time.monotonic(),
        sm_mhz=ask("ClockInfo", _SM),
        sm_max_mhz=ask("MaxClockInfo", _SM),
        memory_mhz=ask("ClockInfo", _MEMORY),
        temperature_c=ask("Temperature", _SENSOR),
        power_w=_scaled(ask("PowerUsage"), 1e-3),
        throttle=_reasons(ask("CurrentClocksThrottleReasons")),
        power_throttled_s=_violation(ask, _POWER),
        thermal_throttled_s=_violation(ask, _THERMAL),
        processes=_pids(ask("ComputeRunningProcesses")),
        working=None if since_us is None else _working(ask("ProcessUtilization", since_us)),
        peak_bytes_per_s=_peak(ask("MaxClockInfo", _MEMORY), ask("MemoryBusWidth")),
    )


def _violation(ask: Callable[..., Any], policy: int) -> float | None:
    status = ask("ViolationStatus", policy)
    return None if status is None else status.violationTime * 1e-9


def _pids(processes: Any) -> tuple[int, ...] | None:
    return None if processes is None else tuple(process.pid for process in processes)


def _working(samples: Any) -> tuple[int, ...] | None:
    if samples is None:  # the GPU cannot tell, or nobody worked
        return None
    return tuple(sorted({sample.pid for sample in samples if sample.smUtil}))


def _peak(memory_mhz: float | None, bus_bits: int | None) -> float | None:
    if not memory_mhz or not bus_bits:
        return None
    return 2 * memory_mhz * 1e6 * bus_bits / 8


def _reasons(bits: int | None) -> tuple[str, ...]:
    found = (reason for bit, reason in _REASONS.items() if (bits or 0) & bit)
    return tuple(dict.fromkeys(found))


def _scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


def _text(value: str | bytes) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _snapshot_smi(gpu: int | str) -> MachineState | None:
    found = query_smi(gpu)
    if found is None:
        return None
    return MachineState(
        name=found.name,
        driver=found.driver,
        seconds=time.monotonic(),
        sm_mhz=found.sm_mhz,
        sm_max_mhz=found.sm_max_mhz,
        memory_mhz=found.memory_mhz,
        temperature_c=found.temperature_c,
        power_w=found.power_w,
        throttle=_reasons(found.reasons),
        processes=found.processes,
        source="nvidia-smi",
    )
