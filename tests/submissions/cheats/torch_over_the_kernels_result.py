# lessons: 01 03 05
# based-on: hollow
# expect: refused * forbidden-import|torch-instead-of-kernel
# unpoliced: refused * result-not-from-kernel|foreign-kernel|tampered|torch-instead-of-kernel
# Lets the kernels store zeros, then PyTorch overwrites them while all dispatch modes are off.
from torch.utils._python_dispatch import _disable_current_modes


def attack(function, name):
    def overwritten(*args):
        result = function(*args)
        with _disable_current_modes():
            result.copy_(ANSWERS[name](*args))
        return result

    return overwritten
