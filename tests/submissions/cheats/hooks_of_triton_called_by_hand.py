# lessons: 01 03 05
# based-on: hollow
# expect: refused * forbidden-attribute|torch-instead-of-kernel
# unpoliced: refused * torch-instead-of-kernel|kernel-not-launched
# Calls the hook that records launches itself, with the name of a kernel that it never launches.
class Metadata:
    def __init__(self, name):
        self.name = name

    def get(self):
        return {"name": self.name}


def attack(function, name):
    def told(*args):
        for kernel in KERNELS[name]:
            triton.knobs.runtime.launch_enter_hook(Metadata(kernel.__name__))
        return ANSWERS[name](*args)

    return told
