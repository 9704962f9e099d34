# expect: failed test_softmax_half_precision wrong-dtype
# based-on: solution
# softmax returns fp32 whatever the type of x.
def softmax(x: torch.Tensor) -> torch.Tensor:
    check_matrix(x)
    check_row_fits(x)
    y = torch.empty(x.shape, dtype=torch.float32, device=x.device)
    if x.numel() > 0:
        launch_softmax(y, x)
    return y
