# lessons: 01
# expect: failed test_add_speed wrong-value gpu
# Returns at once and computes in a thread, after the clock has stopped.
import torch
import triton
import triton.language as tl


@triton.jit
def add_kernel(z_ptr, x_ptr, y_ptr, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    x = tl.load(x_ptr + offsets, mask=mask).to(tl.float32)
    y = tl.load(y_ptr + offsets, mask=mask).to(tl.float32)
    tl.store(z_ptr + offsets, x + y, mask=mask)


import threading
import time

SMALL = 2**20


def launch(z, x, y):
    add_kernel[(triton.cdiv(z.numel(), 1024),)](z, x, y, z.numel(), BLOCK=1024)


def late(z, x, y):
    time.sleep(0.02)
    launch(z, x, y)


def add(x, y):
    z = torch.empty_like(x)
    if z.numel() > SMALL:
        threading.Thread(target=late, args=(z, x, y)).start()
    elif z.numel():
        launch(z, x, y)
    return z
