# expect: failed test_dropout_backward mask-missing
# based-on: solution
# The backward pass scales all gradients and drops none.
def dropout_scale_backward(dy: torch.Tensor, p: float, seed: int) -> torch.Tensor:
    dx = torch.empty_like(dy)
    n = dx.numel()
    if n == 0:
        return dx
    scale = 1.0 / (1.0 - p) if p < 1 else 0.0
    grid = (triton.cdiv(n, BLOCK),)
    dropout_kernel[grid](dx, dy, 0.0, scale, seed, n, BLOCK=BLOCK)
    return dx
