# expect: failed test_saxpy_any_length tail-not-written
# based-on: solution
# The grid of saxpy is counted in blocks of 1024, the kernel is launched with blocks of 512.
def saxpy(a: float, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    check_pair(x, y)
    z = torch.empty_like(x)
    if z.numel() == 0:
        return z
    n = z.numel()
    grid = (triton.cdiv(n, BLOCK),)
    saxpy_kernel[grid](z, a, x, y, n, BLOCK=512)
    return z
