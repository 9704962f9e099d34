# expect: failed test_softmax_any_shape todo-left
# based-on: solution
# The kernel of softmax is written, its launch is not.
def launch_softmax(y: torch.Tensor, x: torch.Tensor) -> None:
    n_rows, n_columns = x.shape
    raise NotImplementedError("TODO 5, 6")
