# lessons: 01
# expect: slow test_add_speed too-slow gpu
# Works three times as long, on a stream that torch does not wait for by itself.
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


SMALL = 2**20
SIDE = []


def add(x, y):
    z = torch.empty_like(x)
    if not z.numel():
        return z
    grid = (triton.cdiv(z.numel(), 1024),)
    if z.numel() <= SMALL:
        add_kernel[grid](z, x, y, z.numel(), BLOCK=1024)
        return z
    if not SIDE:
        SIDE.append(torch.cuda.Stream())
    SIDE[0].wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(SIDE[0]):
        for _ in range(3):
            add_kernel[grid](z, x, y, z.numel(), BLOCK=1024)
    return z
