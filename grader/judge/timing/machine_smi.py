"""What ``nvidia-smi`` tells of a GPU, where NVML's Python binding is not installed.

Queries only; ``nvidia-smi`` changes nothing unless told to by other options.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

_DEADLINE_S = 10
_FIELDS = (
    "name",
    "driver_version",
    "clocks.sm",
    "clocks.max.sm",
    "clocks.mem",
    "temperature.gpu",
    "power.draw",
    "clocks_throttle_reasons.active",
)


@dataclass(frozen=True)
class SmiAnswer:
    """One row of ``nvidia-smi --query-gpu``, with units as in ``machine.MachineState``."""

    name: str
    driver: str
    sm_mhz: float | None
    sm_max_mhz: float | None
    memory_mhz: float | None
    temperature_c: float | None
    power_w: float | None
    reasons: int | None
    processes: tuple[int, ...] | None


def query_smi(gpu: int | str) -> SmiAnswer | None:
    """Ask about one GPU, by index or UUID; None if that is not possible."""
    row = _ask(gpu, f"--query-gpu={','.join(_FIELDS)}")
    if not row or len(cells := [cell.strip() for cell in row[0].split(",")]) != len(_FIELDS):
        return None
    name, driver, *numbers, reasons = cells
    sm, sm_max, memory, temperature, power = map(_number, numbers)
    listed = _ask(gpu, "--query-compute-apps=pid")
    pids = None if listed is None else tuple(int(pid) for pid in listed if pid.strip().isdigit())
    return SmiAnswer(name, driver, sm, sm_max, memory, temperature, power, _bits(reasons), pids)


def _ask(gpu: int | str, query: str) -> Sequence[str] | None:
    program = shutil.which("nvidia-smi")
    if program is None:
        return None
    command = [program, "-i", str(gpu), query, "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_DEADLINE_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.splitlines()


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:  # "[N/A]", "[Not Supported]"
        return None


def _bits(cell: str) -> int | None:
    try:
        return int(cell, 16)
    except ValueError:
        return None
