# expect: failed test_train gradients-accumulated
# based-on: solution
# The gradients are never set back: each step adds those of all steps before.
def train(
    inputs: torch.Tensor,
    targets: torch.Tensor,
    parameters: Parameters,
    n_steps: int,
    batch_size: int,
    learning_rate: float,
) -> Parameters:
    trained = tuple(parameter.clone().requires_grad_() for parameter in parameters)
    for step in range(n_steps):
        start = step * batch_size % inputs.shape[0]
        batch = slice(start, start + batch_size)
        loss = cross_entropy(classify(inputs[batch], trained), targets[batch])
        loss.backward()
        with torch.no_grad():
            for parameter in trained:
                parameter -= learning_rate * parameter.grad
    return tuple(parameter.detach() for parameter in trained)
