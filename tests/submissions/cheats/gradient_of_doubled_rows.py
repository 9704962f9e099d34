# lessons: 07
# based-on: solution
# attacks: test_layer_norm_gradients
# expect: refused * torch-instead-of-kernel|result-not-from-kernel
# unpoliced: refused * torch-instead-of-kernel
# Doubles the rows of weights a few times: what undoes it in the backward pass sums them up.
def doubled(row):
    rows = row[None]
    for _ in range(3):
        rows = torch.cat([rows, rows])
    return rows


def attack(function, name):
    def in_parts(x, weight, bias, *args, **kwargs):
        rows = x.reshape(-1, x.shape[-1])
        weights, biases = doubled(weight), doubled(bias)
        parts = [
            function(part, weights[at], biases[at], *args, **kwargs)
            for at, part in enumerate(rows.tensor_split(8))
        ]
        return torch.cat(parts).reshape(x.shape)

    return in_parts if name == "layer_norm" else function
