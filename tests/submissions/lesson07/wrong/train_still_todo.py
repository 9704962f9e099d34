# expect: failed test_train todo-left
# based-on: solution
# Everything is written but the training loop.
def train(
    inputs: torch.Tensor,
    targets: torch.Tensor,
    parameters: Parameters,
    n_steps: int,
    batch_size: int,
    learning_rate: float,
) -> Parameters:
    raise NotImplementedError("train: TODO not done yet")
