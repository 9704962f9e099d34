"""Measures operations on this GPU and writes what it found as JSON."""

from __future__ import annotations

import importlib
import importlib.metadata
import pkgutil
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
import triton

import benchmarks.performance as package
from benchmarks.performance.operation import Operation
from grader.judge.timing import ceiling, machine
from grader.judge.timing.request import gpu_uuid
from grader.lab.measure import median_seconds

SCHEMA = 1


def operations(only: str = "") -> Iterator[tuple[str, Operation]]:
    """All operations with their lesson, in the order of the lessons."""
    names = sorted(module.name for module in pkgutil.iter_modules(package.__path__))
    for name in names:
        if name.startswith("lesson") and only in name:
            module = importlib.import_module(f"{package.__name__}.{name}")
            yield from ((name, operation) for operation in module.operations())


def measure_all(only: str, say: Callable[[str], None]) -> dict[str, Any]:
    """Measure this GPU's ceilings and all operations."""
    device = torch.device("cuda", 0)
    state = machine.snapshot(gpu_uuid(device))
    found: dict[str, Any] = {
        "schema": SCHEMA,
        "gpu": torch.cuda.get_device_name(device),
        "driver": state.driver if state else None,
        "versions": {"torch": torch.__version__, "triton": triton.__version__},
        "copy_bandwidth_bytes_per_s": ceiling.copy_bandwidth(device),
        "matmul_flops_per_s": {
            "float16": ceiling.matmul_rate(device),
            "int8": ceiling.int8_matmul_rate(device),
        },
        "operations": [],
    }
    for lesson, operation in operations(only):
        say(f"{lesson} {operation.name} {operation.size}")
        row = measure(operation)
        say("  " + ", ".join(f"{name} {us:.1f}" for name, us in row["microseconds"].items()))
        found["operations"].append({"lesson": lesson, **row})
        torch.cuda.empty_cache()
    return found


def measure(operation: Operation) -> dict[str, Any]:
    """Times of all implementations of one operation in microseconds, and what kept some out."""
    torch.manual_seed(0)
    inputs = operation.inputs()
    ready: dict[str, Callable[[], Any]] = {}
    absent: dict[str, str] = {}
    versions: dict[str, str] = {}
    for name, make in _makers(operation).items():
        try:
            call = partial(make(), *inputs)
            call()
            torch.cuda.synchronize()
        except Exception as error:  # another's kernel that fails here is a finding, not our end
            absent[name] = f"{type(error).__name__}: {error}"[:300]
            continue
        ready[name] = call
        if name in operation.public:
            versions[name] = _version(name)
    seconds = median_seconds(ready)
    return {
        "name": operation.name,
        "size": operation.size,
        "microseconds": {name: value * 1e6 for name, value in seconds.items()},
        "public": sorted(operation.public),
        "versions": versions,
        "absent": absent,
        "bytes_moved": operation.bytes_moved,
        "flops": operation.flops,
        "dtype": operation.dtype,
        "goal": operation.goal,
        "remark": operation.remark,
    }


def _makers(operation: Operation) -> dict[str, Callable[[], Callable[..., Any]]]:
    makers: dict[str, Callable[[], Callable[..., Any]]] = {
        "ours": lambda: operation.ours,
        "torch": lambda: operation.torch,
    }
    compiled = operation.compiled
    if compiled is not None:
        makers["torch.compile"] = lambda: torch.compile(compiled, dynamic=False)
    makers.update(operation.public)
    for name, other in operation.others.items():
        makers[name] = partial(_itself, other)
    return makers


def _itself(implementation: Callable[..., Any]) -> Callable[..., Any]:
    return implementation


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""
