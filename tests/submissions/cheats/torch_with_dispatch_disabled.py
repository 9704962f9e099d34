# lessons: 01 03 05
# based-on: hollow
# expect: refused * forbidden-attribute|torch-instead-of-kernel
# unpoliced: refused * result-not-from-kernel|foreign-kernel
# Switches dispatch modes off around what PyTorch computes.
def attack(function, name):
    def unseen(*args):
        with torch._C._DisableTorchDispatch():
            result = ANSWERS[name](*args)
        return through(KERNELS[name], result)

    return unseen
