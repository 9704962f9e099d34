"""What this GPU can do at best, measured by the judge: copy bandwidth and matmul rate.

A ceiling is what a simple, well-written kernel of the vendor reaches at best on this very
machine, not a datasheet's figure: memory clocks, ECC and power limits are in it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

COPY_BYTES = 1 << 30
MATMUL_SIZE = 8192
_ROUNDS = 20


def copy_bandwidth(device: torch.device) -> float:
    """Bytes per second of a device-to-device copy, read and write both counted.

    Uses a buffer of 1 GiB, or a sixth of the free memory where that is less.
    """
    free = torch.cuda.mem_get_info(device)[0]
    source = torch.empty(min(COPY_BYTES, free // 6), dtype=torch.uint8, device=device).fill_(1)
    target = torch.empty_like(source)
    return 2 * source.numel() / _best_seconds(lambda: target.copy_(source), device)


def matmul_rate(device: torch.device, dtype: torch.dtype = torch.float16) -> float:
    """Floating-point operations per second of the vendor's product of 8192 x 8192 matrices."""
    a = torch.randn((MATMUL_SIZE, MATMUL_SIZE), device=device).to(dtype)
    b = torch.randn((MATMUL_SIZE, MATMUL_SIZE), device=device).to(dtype)
    return 2 * MATMUL_SIZE**3 / _best_seconds(lambda: torch.mm(a, b), device)


def int8_matmul_rate(device: torch.device) -> float:
    """Integer operations per second of the vendor's int8 product of 8192 x 8192 matrices."""
    shape = (MATMUL_SIZE, MATMUL_SIZE)
    a = torch.randint(-127, 128, shape, device=device, dtype=torch.int8)
    b = torch.randint(-127, 128, shape, device=device, dtype=torch.int8).t()
    return 2 * MATMUL_SIZE**3 / _best_seconds(lambda: torch._int_mm(a, b), device)


def read_bandwidth(device: torch.device) -> float:
    """Bytes per second of a large reduction, which reads and writes next to nothing."""
    free = torch.cuda.mem_get_info(device)[0]
    source = torch.ones(min(COPY_BYTES, free // 6) // 4, dtype=torch.float32, device=device)
    return source.nbytes / _best_seconds(source.sum, device)


def cache_bytes(device: torch.device) -> int:
    """Size of the GPU's L2 cache in bytes."""
    return int(torch.cuda.get_device_properties(device).L2_cache_size)


def _best_seconds(work: Callable[[], Any], device: torch.device) -> float:
    for _ in range(3):
        work()
    seconds = []
    for _ in range(_ROUNDS):
        start, end = _timer(), _timer()
        start.record()
        work()
        end.record()
        torch.cuda.synchronize(device)
        seconds.append(start.elapsed_time(end) * 1e-3)
    return float(min(seconds))


def _timer() -> Any:
    event: Any = torch.cuda.Event
    return event(enable_timing=True)
