# expect: failed test_saxpy_scalar scalar-truncated
# based-on: solution
# saxpy hands int(a) to the kernel.
def saxpy(a: float, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    check_pair(x, y)
    z = torch.empty_like(x)
    if z.numel() == 0:
        return z
    n = z.numel()
    grid = (triton.cdiv(n, BLOCK),)
    saxpy_kernel[grid](z, int(a), x, y, n, BLOCK=BLOCK)
    return z
