# lessons: 06 07
# based-on: hollow
# attacks: test_logprob_gradient test_layer_norm_gradients
# expect: refused * torch-instead-of-kernel
# unpoliced: refused * torch-instead-of-kernel
# Only launches the backward kernels; the gradients come from PyTorch's own formulas.
def attack(function, name):
    def with_gradients_of_torch(*args, **kwargs):
        function(*args, **kwargs)
        return ANSWERS[name](*args, **kwargs)

    return with_gradients_of_torch
