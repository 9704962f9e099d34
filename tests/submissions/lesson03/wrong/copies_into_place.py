# expect: failed test_softmax_in_place_memory too-much-memory gpu
# based-on: solution
# softmax_ makes a new matrix and copies it to x: right, with memory that was to be saved.
def softmax_(x: torch.Tensor) -> torch.Tensor:
    check_matrix(x)
    check_row_fits(x)
    check_rows_apart(x)
    if x.numel() > 0:
        x.copy_(softmax(x))
    return x
