# expect: passed
# based-on: solution
# A fixed number of programs for add_mul; each walks through the vector in strides of the
# whole grid.
@triton.jit
def add_mul_kernel(out_ptr, x_ptr, y_ptr, z_ptr, n, BLOCK: tl.constexpr):
    start = tl.program_id(0).to(tl.int64) * BLOCK
    for first in range(start, n, tl.num_programs(0) * BLOCK):
        offsets = first + tl.arange(0, BLOCK)  # [BLOCK]
        mask = offsets < n
        x = tl.load(x_ptr + offsets, mask=mask).to(tl.float32)
        y = tl.load(y_ptr + offsets, mask=mask).to(tl.float32)
        z = tl.load(z_ptr + offsets, mask=mask).to(tl.float32)
        tl.store(out_ptr + offsets, (x + y) * z, mask=mask)


def add_mul(x: torch.Tensor, y: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
    check_alike(x, y, z)
    out = torch.empty_like(x)
    n = out.numel()
    if n == 0:
        return out  # nothing to compute
    add_mul_kernel[(min(triton.cdiv(n, BLOCK), 8192),)](out, x, y, z, n, BLOCK=BLOCK)
    return out
