"""The first launch of a process, made before anybody waits for one.

Triton's compiler takes half a second more for its first kernel than for others: it is imported,
LLVM and the assembler are loaded (``docs/evidence/first-launch-h200.txt``). A worker does that
while it starts, beside the others of its run.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl

from grader.worker.launchers import quick_launchers


@triton.jit
def fill_kernel(out_ptr, BLOCK: tl.constexpr):
    """Store 0 to BLOCK - 1 at out_ptr, fp32."""
    offsets = tl.arange(0, BLOCK)
    tl.store(out_ptr + offsets, offsets.to(tl.float32))


def launch_first(device: torch.device) -> torch.Tensor:
    """Compile a kernel, launch it and wait.

    Args:
        device: Where it runs, a CUDA device.

    Returns:
        What it stored: 0 to 15, fp32.
    """
    out = torch.empty(16, device=device)
    with quick_launchers():
        fill_kernel[(1,)](out, BLOCK=out.numel())
    torch.cuda.synchronize(device)
    return out
