"""A stand-in for the GPU driver, so that host code runs unchanged on a machine without one.

Students ask Triton's driver for the torch device and, for persistent kernels, for the number of
multiprocessors. Owns plausible answers; launches nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import triton
from triton.backends.compiler import GPUTarget

# Few multiprocessors: persistent kernels start one program on each, and programs are slow here.
# The other properties are those of the oldest GPU that the course supports.
DEVICE_PROPERTIES = {
    "max_shared_mem": 166912,
    "max_num_regs": 65536,
    "multiprocessor_count": 8,
    "warpSize": 32,
    "sm_clock_rate": 1410000,
    "mem_clock_rate": 1215000,
    "mem_bus_width": 5120,
}


class _Utilities:
    def get_device_properties(self, device: int | None = None) -> dict[str, int]:
        """Properties of a modest GPU."""
        return dict(DEVICE_PROPERTIES)


class InterpreterDriver:
    """Answers what host code asks of ``triton.runtime.driver.active``."""

    utils = _Utilities()

    @classmethod
    def is_active(cls) -> bool:
        """Always usable."""
        return True

    def get_active_torch_device(self) -> torch.device:
        """Interpreted kernels take CPU tensors."""
        return torch.device("cpu")

    def get_current_target(self) -> Any:
        """The target that kernels are written for when nothing better is known."""
        return GPUTarget("cuda", 80, 32)

    def get_current_device(self) -> int:
        """Number of the only device."""
        return 0

    def set_current_device(self, device: int) -> None:
        """There is only one."""

    def get_current_stream(self, device: int | None = None) -> int:
        """Launches return when they are done; there are no streams."""
        return 0

    def get_device_capability(self, device: int | None = None) -> tuple[int, int]:
        """Compute capability of ``get_current_target``."""
        return 8, 0

    def get_device_interface(self) -> Any:
        """Torch's interface to the CPU."""
        return torch.cpu

    def get_empty_cache_for_benchmark(self) -> torch.Tensor:
        """There is no cache worth emptying."""
        return torch.empty(1, dtype=torch.int32)

    def clear_cache(self, cache: torch.Tensor) -> None:
        """There is no cache worth emptying."""

    def map_python_to_cpp_type(self, ty: str) -> str:
        """Nothing is launched through C++."""
        return ty

    def get_benchmarker(self) -> Callable[..., Sequence[float]]:
        """Run once; interpreted times mean nothing."""

        def run_once(kernel_call: Callable[[], None], *, quantiles: Any, **_: Any) -> list[float]:
            kernel_call()
            return [1.0] * len(quantiles)

        return run_once


class InterpretedKernel:
    """What ``kernel.warmup`` gives back: no machine code, but the attributes of it."""

    n_regs = 32
    n_spills = 0
    n_max_threads = 1024

    class metadata:
        """Resources of the kernel; none are used here."""

        shared = 0
        num_warps = 4
        num_ctas = 1
        num_stages = 1

    def _init_handles(self) -> None: ...


def activate() -> None:
    """Make the stand-in the active driver, on machines with a GPU too."""
    triton.runtime.driver.set_active(InterpreterDriver())
