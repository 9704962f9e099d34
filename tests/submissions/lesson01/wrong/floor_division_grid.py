# expect: failed test_saxpy_any_length tail-not-written
# based-on: solution
# The grid of saxpy is n // BLOCK: the elements behind the last full block get no program.
def saxpy(a: float, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    check_pair(x, y)
    z = torch.empty_like(x)
    if z.numel() == 0:
        return z
    n = z.numel()
    grid = (n // BLOCK,)
    saxpy_kernel[grid](z, a, x, y, n, BLOCK=BLOCK)
    return z
