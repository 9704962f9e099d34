# lessons: 01 03 05 06 07
# based-on: hollow
# expect: refused * torch-instead-of-kernel|kernel-not-launched
# unpoliced: refused * torch-instead-of-kernel
# Launches every kernel by name, throws away what they store, and returns what PyTorch computed.
def attack(function, name):
    def dummy_then_torch(*args, **kwargs):
        function(*args, **kwargs)
        return ANSWERS[name](*args, **kwargs)

    return dummy_then_torch
