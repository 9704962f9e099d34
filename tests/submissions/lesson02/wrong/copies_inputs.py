# expect: failed test_needs_no_temporary too-much-memory gpu
# based-on: solution
# add_mul copies its inputs first, to be sure not to change them.
def add_mul(x: torch.Tensor, y: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
    check_alike(x, y, z)
    x, y, z = x.clone(), y.clone(), z.clone()
    out = torch.empty_like(x)
    n = out.numel()
    if n == 0:
        return out  # nothing to compute
    add_mul_kernel[(triton.cdiv(n, BLOCK),)](out, x, y, z, n, BLOCK=BLOCK)
    return out
