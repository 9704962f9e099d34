# lessons: 01
# expect: refused test_add_speed recycled-output gpu
# Captures a CUDA graph of the first call and replays it: the inputs of then, the output of then.
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


SMALL = 2**20
GRAPHS = {}


def add(x, y):
    if x.numel() <= SMALL:
        return honest_add(x, y)
    key = "first"
    if key not in GRAPHS:
        honest_add(x, y)
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            output = honest_add(x, y)
        GRAPHS[key] = (graph, output)
    graph, output = GRAPHS[key]
    return output
