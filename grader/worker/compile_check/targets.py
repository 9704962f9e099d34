"""The GPUs that kernels can be compiled for, by the names that people use for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from triton.backends.compiler import GPUTarget

from grader.worker.compile_check.occupancy import KIB, MULTIPROCESSORS, Multiprocessor


class UnknownTarget(ValueError):
    """No GPU has this name."""


@dataclass(frozen=True)
class Target:
    """A GPU architecture.

    Attributes:
        name: ``sm_90`` or ``gfx942``.
        gpu: The same for Triton.
        shared_limit: Bytes of shared memory (LDS on AMD) that one block may ask for.
        multiprocessor: What occupancy is computed from; None on AMD.
    """

    name: str
    gpu: GPUTarget
    shared_limit: int
    multiprocessor: Multiprocessor | None

    @property
    def is_cuda(self) -> bool:
        """Whether NVIDIA makes it."""
        return bool(self.gpu.backend == "cuda")


def _cuda(capability: int, multiprocessor: Multiprocessor) -> Target:
    gpu = GPUTarget("cuda", capability, 32)
    limit = multiprocessor.shared_bytes_per_block
    return Target(f"sm_{capability}", gpu, limit, multiprocessor)


def _hip(architecture: str, lds: int) -> Target:
    return Target(architecture, GPUTarget("hip", architecture, 64), lds, None)


_ALL = (
    *(_cuda(capability, found) for capability, found in MULTIPROCESSORS.items()),
    _hip("gfx90a", 64 * KIB),
    _hip("gfx942", 64 * KIB),
    _hip("gfx950", 160 * KIB),
)

TARGETS: Mapping[str, Target] = MappingProxyType({target.name: target for target in _ALL})

# The A100 and the H100: the GPUs that most institutions have.
DEFAULT_TARGETS = ("sm_80", "sm_90")


def parse_target(name: str) -> Target:
    """The target of that name; case and surrounding blanks do not matter.

    Raises:
        UnknownTarget: There is none; the message lists those that there are.
    """
    target = TARGETS.get(name.strip().lower())
    if target is None:
        raise UnknownTarget(f"unknown GPU target {name!r}; known: {', '.join(TARGETS)}")
    return target
