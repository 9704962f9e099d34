# lessons: 01 03 05
# based-on: solution
# attacks: test_add_speed test_softmax_wide_speed test_grouped_speed_4096
# expect: refused * forbidden-class gpu
# unpoliced: refused * recycled-output gpu
# Returns a subclass of Tensor that computes when it is read, after the clock has stopped.
LARGE = 2**20  # elements: what is timed has more, what is compared has less


class Lazy(torch.Tensor):
    def reshape(self, *shape):
        return self.work().reshape(*shape)


def attack(function, name):
    def later(*args):
        if args[0].numel() < LARGE:
            return function(*args)
        result = args[0].new_empty(()).as_subclass(Lazy)
        result.work = lambda: function(*args)
        return result

    return later if name in ("add", "softmax", "matmul_grouped") else function
