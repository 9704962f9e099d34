# lessons: 01 03 05
# based-on: hollow
# expect: refused * forbidden-import|torch-instead-of-kernel
# unpoliced: refused * result-not-from-kernel|foreign-kernel
# Takes all dispatch modes off the stack, computes with PyTorch, and puts them back.
from torch.utils._python_dispatch import _disable_current_modes


def attack(function, name):
    def unseen(*args):
        with _disable_current_modes():
            result = ANSWERS[name](*args)
        return through(KERNELS[name], result)

    return unseen
