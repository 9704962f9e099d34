# expect: failed test_softmax_in_place applied-twice
# based-on: solution
# softmax_ launches the kernel once to warm it up, which in place is once too often.
def softmax_(x: torch.Tensor) -> torch.Tensor:
    check_matrix(x)
    check_row_fits(x)
    check_rows_apart(x)
    if x.numel() > 0:
        launch_softmax(x, x)  # compile
        launch_softmax(x, x)
    return x
