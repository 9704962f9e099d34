# lessons: 01 03 05
# based-on: hollow
# expect: refused * torch-instead-of-kernel
# unpoliced: refused * torch-instead-of-kernel
# Lets a class of Triton call torch, so that no line of the submission is nearest to the operation.
from functools import partial

CALLED = {
    "add": torch.add,
    "matmul": torch.matmul,
    "softmax": partial(torch.softmax, dim=-1),
}


def attack(function, name):
    def by_constexpr(*args):
        function(*args)
        return tl.constexpr(CALLED[name])(*args)

    return by_constexpr if name in CALLED else function
