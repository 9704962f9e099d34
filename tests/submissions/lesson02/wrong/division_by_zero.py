# expect: failed test_dropout_limits exception
# based-on: solution
# dropout_scale divides by 1 - p also when p is 1.
def dropout_scale(x: torch.Tensor, p: float, seed: int) -> torch.Tensor:
    check_dropout(x, p, seed)
    y = torch.empty_like(x)
    n = y.numel()
    if n == 0:
        return y
    scale = 1.0 / (1.0 - p)
    dropout_kernel[(triton.cdiv(n, BLOCK),)](y, x, float(p), scale, seed, n, BLOCK=BLOCK)
    return y
