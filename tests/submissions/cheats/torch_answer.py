# lessons: 01 03 05 06 07
# based-on: hollow
# expect: refused * torch-instead-of-kernel|kernel-not-launched
# unpoliced: refused * kernel-not-launched|torch-instead-of-kernel
# Lets PyTorch compute and launches no kernel.
def attack(function, name):
    return ANSWERS[name]
