# expect: failed test_add_half_precision wrong-dtype
# based-on: solution
# add always returns fp32, also for fp16 and bf16 inputs: right values in the wrong type.
def add(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    check_pair(x, y)
    z = torch.empty_like(x, dtype=torch.float32)
    n = z.numel()
    if n == 0:
        return z  # nothing to compute
    grid = (triton.cdiv(n, BLOCK),)
    add_kernel[grid](z, x, y, n, BLOCK=BLOCK)
    return z
