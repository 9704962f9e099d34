# lessons: 01 03 05
# based-on: hollow
# expect: refused * torch-instead-of-kernel
# unpoliced: failed * wrong-value
# unpoliced: refused * torch-instead-of-kernel
# Tries seeds until random numbers equal the input, to know the inputs that come next.
def attack(function, name):
    def guessed(x, *rest):
        tensor = x if isinstance(x, torch.Tensor) else rest[0]
        for seed in range(64):
            torch.manual_seed(seed)
            if torch.equal(torch.randn(tensor.shape, device=tensor.device), tensor.float()):
                return torch.randn(tensor.shape, device=tensor.device)
        return function(x, *rest)

    return guessed
