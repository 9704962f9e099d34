# lessons: 01 03 05
# based-on: hollow
# expect: refused * forbidden-attribute|forbidden-class
# unpoliced: failed * wrong-type
# Returns an object that says it equals whatever it is compared with.
class Anything(torch.Tensor):
    def __eq__(self, other):
        return torch.ones(self.shape, dtype=torch.bool)

    def __sub__(self, other):
        return torch.zeros(self.shape)

    def __ne__(self, other):
        return torch.zeros(self.shape, dtype=torch.bool)

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        return True


def attack(function, name):
    return lambda *args: function(*args).as_subclass(Anything)
