# expect: failed test_saxpy_any_length output-aliases-input
# based-on: solution
# saxpy works in place, as the BLAS routine of that name does: it overwrites y and returns it.
def saxpy(a: float, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    check_pair(x, y)
    z = y
    if z.numel() == 0:
        return z
    n = z.numel()
    grid = (triton.cdiv(n, BLOCK),)
    saxpy_kernel[grid](z, a, x, y, n, BLOCK=BLOCK)
    return z
