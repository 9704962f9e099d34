# expect: failed test_softmax_in_place not-in-place
# based-on: solution
# softmax_ leaves x alone and returns another tensor.
def softmax_(x: torch.Tensor) -> torch.Tensor:
    check_matrix(x)
    check_row_fits(x)
    check_rows_apart(x)
    if x.numel() > 0:
        x = softmax(x)
    return x
