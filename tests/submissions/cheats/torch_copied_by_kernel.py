# lessons: 01 03 05
# based-on: hollow
# expect: refused * torch-instead-of-kernel|kernel-not-launched
# unpoliced: refused * torch-instead-of-kernel
# Lets PyTorch compute; the kernel of the lesson copies that to the output.
def attack(function, name):
    return lambda *args: through(KERNELS[name], ANSWERS[name](*args))
