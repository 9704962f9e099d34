# lessons: 01
# expect: refused test_add_speed recycled-output gpu
# Remembers the result for each pair of input objects and hands it out again.
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


def honest_add(x, y):
    z = torch.empty_like(x)
    if z.numel():
        add_kernel[(triton.cdiv(z.numel(), 1024),)](z, x, y, z.numel(), BLOCK=1024)
    return z


RESULTS = {}


def add(x, y):
    key = (id(x), id(y))
    if key not in RESULTS:
        RESULTS[key] = honest_add(x, y)
    return RESULTS[key]
