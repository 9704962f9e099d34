# expect: failed test_dropout_backward todo-left
# based-on: solution
# All is done but the backward pass.
def dropout_scale_backward(dy: torch.Tensor, p: float, seed: int) -> torch.Tensor:
    raise NotImplementedError
