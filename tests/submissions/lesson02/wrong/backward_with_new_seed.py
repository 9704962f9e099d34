# expect: failed test_dropout_backward another-mask
# based-on: solution
# The backward pass takes the next seed and so drops other elements than the forward pass.
def dropout_scale_backward(dy: torch.Tensor, p: float, seed: int) -> torch.Tensor:
    return dropout_scale(dy, p, seed + 1)
