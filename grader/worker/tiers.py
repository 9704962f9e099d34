"""Where kernels run: interpreted on the CPU, or compiled on the GPU.

A tier gives a device and watches one run of a call. Everything else in the worker is the same
for both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
import triton

from grader.protocol.frames import Message
from grader.protocol.notes import MOST_KERNELS
from grader.worker.launchers import quick_launchers
from grader.worker.memory import GuardedMemory, guarded_allocations
from grader.worker.shortening import launches_to_report


@dataclass
class Evidence:
    """What was seen beside one run: helpful to name a bug, no proof of anything."""

    launches: list[Message] = field(default_factory=list)
    findings: list[Message] = field(default_factory=list)
    compiled: list[Message] = field(default_factory=list)


class Tier(Protocol):
    """A way to execute kernels."""

    name: str
    device: torch.device
    targets: tuple[str, ...]  # GPU targets that interpreted launches are compiled for
    compile_cache: Path | None

    def describe(self) -> Message:
        """Name and properties of what kernels run on."""
        ...

    def watch(self, memory: GuardedMemory, guarded: bool) -> Any:
        """Context manager around one run; yields the ``Evidence`` that it fills.

        Args:
            memory: Takes the allocations of the run.
            guarded: Whether they are guarded at all.
        """
        ...

    def finish(self) -> None:
        """Wait until all kernels have ended; raises what they did wrong."""
        ...


# A frame is bounded; the first findings say it all.
MOST_FINDINGS = 16
MOST_COMPILED = 32
MOST_NAME = 200


class Interpreted:
    """Kernels run one program after another in Python, every access checked."""

    name = "interpreted"
    device = torch.device("cpu")

    def __init__(self) -> None:
        from grader.worker import compile_check, interpreter

        interpreter.install()
        self._interpreter = interpreter
        self._compile_check = compile_check
        self.targets: tuple[str, ...] = ()
        self.compile_cache: Path | None = None

    def describe(self) -> Message:
        """Versions; there is no device to describe."""
        return {"device": "interpreter", **_versions()}

    @contextmanager
    def watch(self, memory: GuardedMemory, guarded: bool) -> Iterator[Evidence]:
        """Record launches, traffic and faulty accesses of the run inside.

        The launches of the first run are then compiled for the targets: what runs interpreted
        need not compile.
        """
        evidence = Evidence()
        with (
            self._compile_check.capture_launches() as captured,
            self._interpreter.record(poison=memory.poison.run) as recording,
            guarded_allocations(
                memory if guarded else None, self.device, self._interpreter.mark_uninitialised
            ),
        ):
            try:
                yield evidence
            finally:
                evidence.launches = launches_to_report(
                    each.to_json() for each in recording.launches if not each.rehearsal
                )
                evidence.findings = [
                    finding.to_json() for finding in recording.findings[:MOST_FINDINGS]
                ]
        if self.targets and memory.poison.run == 0:
            evidence.compiled = self._compile(captured)

    def _compile(self, captured: Any) -> list[Message]:
        results = self._compile_check.compile_launches(
            captured, self.targets, cache_dir=self.compile_cache
        )
        told = sorted(results, key=lambda result: result.ok)[:MOST_COMPILED]  # what failed first
        return [_without_accesses(result.to_json()) for result in told]

    def finish(self) -> None:
        """Interpreted kernels have ended when their launch returns."""


class Compiled:
    """Kernels run as Triton compiles them, on the first CUDA device."""

    name = "compiled"
    targets: tuple[str, ...] = ()  # compiling is what this tier does anyway
    compile_cache: Path | None = None

    def __init__(self) -> None:
        from grader.worker.first_launch import launch_first

        self.device = torch.device("cuda", 0)
        # Context, Triton's driver, part of which is compiled in C, and its compiler, while nobody
        # waits. Where no C compiler is installed no worker starts: not the submission's fault.
        launch_first(self.device)

    def describe(self) -> Message:
        """The GPU's name and capability, and versions."""
        properties = torch.cuda.get_device_properties(self.device)
        return {
            "device": properties.name,
            "compute_capability": f"{properties.major}.{properties.minor}",
            "memory_bytes": properties.total_memory,
            "cuda": torch.version.cuda,
            **_versions(),
        }

    @contextmanager
    def watch(self, memory: GuardedMemory, guarded: bool) -> Iterator[Evidence]:
        """Record the names of the kernels launched by the run inside, each once."""
        evidence = Evidence()
        with (
            compiled_launches() as evidence.launches,
            guarded_allocations(memory if guarded else None, self.device),
            quick_launchers(),  # no call in here is timed
        ):
            yield evidence

    def finish(self) -> None:
        """Wait for the device; a faulty kernel raises here."""
        torch.cuda.synchronize(self.device)


@contextmanager
def compiled_launches() -> Iterator[list[Message]]:
    """Note the names of the compiled kernels launched inside, each once."""
    launches: list[Message] = []
    names: set[str] = set()

    def record(metadata: Any) -> None:
        name = str(metadata.get()["name"])
        if name not in names and len(names) < MOST_KERNELS:
            names.add(name)
            launches.append({"kernel": name[:MOST_NAME]})

    hooks = triton.knobs.runtime.launch_enter_hook
    hooks.add(record)
    try:
        yield launches
    finally:
        hooks.remove(record)


def start_tier(name: str) -> Tier:
    """Start the tier that the judge asked for."""
    tiers: dict[str, Callable[[], Tier]] = {"interpreted": Interpreted, "compiled": Compiled}
    return tiers[name]()


def _without_accesses(result: Message) -> Message:
    """A result without the list of all instructions, which would fill a frame."""
    return {key: value for key, value in result.items() if key != "accesses"}


def _versions() -> Message:
    return {"torch": torch.__version__, "triton": triton.__version__}
