"""Which device a run uses, decided without importing torch."""

from __future__ import annotations

import os
import threading
from contextlib import suppress

# Present exactly where an NVIDIA driver is: natively, or under WSL2.
_GPU_NODES = ("/dev/nvidiactl", "/dev/dxg")


def choose_device(requested: str) -> str:
    """``"cpu"`` or ``"gpu"`` for a requested ``"auto"``, ``"cpu"`` or ``"gpu"``."""
    if requested != "auto":
        return requested
    has_gpu = any(os.path.exists(node) for node in _GPU_NODES)
    return "gpu" if has_gpu and not _hides_all_gpus() else "cpu"


def _hides_all_gpus() -> bool:
    """Whether CUDA is told to see no GPU: its list of visible ones ends at the first that is none.

    An index is not compared with the number of GPUs.
    """
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return False
    first = visible.split(",")[0].strip()
    return not (first.isdigit() or first.startswith(("GPU-", "MIG-")))


def arithmetic_of(tier: str) -> str:
    """Where the judge makes data, computes answers and compares, for calls on a tier.

    In float64 a GPU does in milliseconds what takes a CPU seconds at full sizes.
    """
    return "cuda" if tier == "compiled" else "cpu"


def wake_gpu() -> None:
    """Create the judge's CUDA context in the background; it takes most of a second.

    What goes wrong there goes wrong again where it is needed, and is told there.
    """

    def create() -> None:
        import torch

        with suppress(Exception):
            torch.zeros(1, device="cuda").double()

    threading.Thread(target=create, daemon=True).start()


def tier_of(device: str) -> str:
    """How the worker of a device runs kernels."""
    return "compiled" if device == "gpu" else "interpreted"
