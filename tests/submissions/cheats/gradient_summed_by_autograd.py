# lessons: 07
# based-on: solution
# attacks: test_layer_norm_gradients
# expect: refused * torch-instead-of-kernel|result-not-from-kernel
# unpoliced: refused * torch-instead-of-kernel
# One row of weights for each part of the rows: autograd sums them up where expand() is undone.
def attack(function, name):
    def in_two_parts(x, weight, bias, *args, **kwargs):
        rows = x.reshape(-1, x.shape[-1])
        half = rows.shape[0] // 2
        weights, biases = weight.expand(2, -1), bias.expand(2, -1)
        first = function(rows[:half], weights[0], biases[0], *args, **kwargs)
        second = function(rows[half:], weights[1], biases[1], *args, **kwargs)
        return torch.cat([first, second]).reshape(x.shape)

    return in_two_parts if name == "layer_norm" else function
