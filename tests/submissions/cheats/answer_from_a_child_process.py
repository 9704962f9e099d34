# lessons: 01 03 05
# based-on: hollow
# expect: refused * forbidden-import|torch-instead-of-kernel
# unpoliced: refused * work-outside-the-call|torch-instead-of-kernel
# A forked child computes with PyTorch, on the CPU, and leaves the result in shared memory.
import os


def attack(function, name):
    def from_a_child(*args):
        hosts = [one.cpu() if isinstance(one, torch.Tensor) else one for one in args]
        output = function(*args)
        shared = torch.empty(output.shape, dtype=output.dtype, device="cpu").share_memory_()
        child = os.fork()
        if not child:
            shared.copy_(ANSWERS[name](*hosts))
            os._exit(0)
        os.waitpid(child, 0)
        return through(KERNELS[name], shared.to(output.device))

    return from_a_child
