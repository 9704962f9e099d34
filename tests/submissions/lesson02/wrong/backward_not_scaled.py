# expect: failed test_dropout_backward not-scaled
# based-on: solution
# The backward pass drops the right gradients and forgets the factor 1 / (1 - p).
def dropout_scale_backward(dy: torch.Tensor, p: float, seed: int) -> torch.Tensor:
    dx = torch.empty_like(dy)
    n = dx.numel()
    if n == 0:
        return dx
    grid = (triton.cdiv(n, BLOCK),)
    dropout_kernel[grid](dx, dy, float(p), 1.0, seed, n, BLOCK=BLOCK)
    return dx
