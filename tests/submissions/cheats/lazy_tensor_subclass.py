# lessons: 01 03 05
# based-on: hollow
# expect: refused * forbidden-attribute|forbidden-class|torch-instead-of-kernel
# unpoliced: failed * wrong-type
# Returns a subclass of Tensor that computes when somebody looks at it.
class Lazy(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        return super().__torch_function__(function, types, args, kwargs or {})

    def detach(self):
        return self.answer()


def attack(function, name):
    def later(*args):
        result = function(*args).as_subclass(Lazy)
        result.answer = lambda: ANSWERS[name](*args)
        return result

    return later
