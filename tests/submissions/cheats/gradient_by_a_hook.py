# lessons: 06 07
# based-on: solution
# attacks: test_logprob_gradient test_focal_loss_gradient
# expect: refused * forbidden-attribute
# unpoliced: refused * torch-instead-of-kernel
# Hooks have torch multiply gradients after the kernels: no line of the file is at work by then.
from functools import partial


def attack(function, name):
    def with_hooks(x, *args, **kwargs):
        if x.requires_grad:
            x.register_hook(partial(torch.mul, other=2.0))
        result = function(x, *args, **kwargs)
        if result.requires_grad:
            result.register_hook(partial(torch.div, other=2.0))
        return result

    return with_hooks
