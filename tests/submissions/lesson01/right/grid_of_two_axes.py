# expect: passed
# based-on: solution
# The blocks of add counted along two axes of the grid; native fp16 and bf16 addition, which is
# rounded correctly too.
@triton.jit
def add_kernel(z_ptr, x_ptr, y_ptr, n, BLOCK: tl.constexpr):
    block = tl.program_id(1).to(tl.int64) * tl.num_programs(0) + tl.program_id(0)
    offsets = block * BLOCK + tl.arange(0, BLOCK)  # [BLOCK]
    mask = offsets < n
    x = tl.load(x_ptr + offsets, mask=mask)  # 4 bytes an element in fp32
    y = tl.load(y_ptr + offsets, mask=mask)  # 4 more
    tl.store(z_ptr + offsets, x + y, mask=mask)  # and 4; rounded to the type of z


def add(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    check_pair(x, y)
    z = torch.empty_like(x)
    n = z.numel()
    if n == 0:
        return z  # nothing to compute
    blocks = triton.cdiv(n, BLOCK)
    width = min(blocks, 4096)
    grid = (width, triton.cdiv(blocks, width))
    add_kernel[grid](z, x, y, n, BLOCK=BLOCK)
    return z
