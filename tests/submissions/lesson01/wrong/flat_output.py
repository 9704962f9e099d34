# expect: failed test_add_any_shape wrong-shape
# based-on: solution
# add returns a vector, whatever the shape of its inputs.
def add(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    check_pair(x, y)
    n = x.numel()
    z = torch.empty(n, dtype=x.dtype, device=x.device)
    if n == 0:
        return z  # nothing to compute
    grid = (triton.cdiv(n, BLOCK),)
    add_kernel[grid](z, x, y, n, BLOCK=BLOCK)
    return z
