# lessons: 01 03 05
# based-on: hollow
# expect: refused * forbidden-attribute
# unpoliced: failed * wrong-type
# Returns an object whose class says that it is a Tensor, and which runs code when unpickled.
class Disguised:
    __class__ = torch.Tensor
    shape, dtype, device = (1,), torch.float32, torch.device("cpu")

    def __reduce__(self):
        return eval, ("__import__('os')._exit(0)",)

    def __getattr__(self, name):
        return lambda *args, **kwargs: True


def attack(function, name):
    return lambda *args: Disguised()
