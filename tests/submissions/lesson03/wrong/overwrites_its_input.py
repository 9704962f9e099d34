# expect: failed test_softmax_any_shape output-aliases-input
# based-on: solution
# softmax works in the memory of x too.
def softmax(x: torch.Tensor) -> torch.Tensor:
    check_matrix(x)
    check_row_fits(x)
    y = x
    if x.numel() > 0:
        launch_softmax(y, x)
    return y
