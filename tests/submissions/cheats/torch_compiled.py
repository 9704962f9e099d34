# lessons: 01 03
# based-on: hollow
# expect: refused * forbidden-call|torch-instead-of-kernel
# unpoliced: refused * torch-instead-of-kernel|result-not-from-kernel|work-outside-the-call|foreign-kernel
# unpoliced: crashed * segfault|process-exited
# unpoliced: failed * exception
# unpoliced: timed_out * timeout
# Lets torch.compile write the kernels.
def attack(function, name):
    compiled = torch.compile(ANSWERS[name])
    return lambda *args: through(KERNELS[name], compiled(*args))
