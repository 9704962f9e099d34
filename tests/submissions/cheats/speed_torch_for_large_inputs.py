# lessons: 01 03 05
# based-on: solution
# attacks: test_add_speed test_softmax_wide_speed test_grouped_speed_4096
# expect: refused * torch-instead-of-kernel gpu
# unpoliced: refused * torch-instead-of-kernel gpu
# Uses its own kernels for what is compared and PyTorch's for what is timed.
LARGE = 2**20  # elements: what is timed has more, what is compared has less


BY_TORCH = {
    "add": lambda x, y: x + y,
    "softmax": lambda x: torch.softmax(x, -1),
    "matmul_grouped": lambda a, b: a @ b,
}


def attack(function, name):
    def faster(*args):
        return function(*args) if args[0].numel() < LARGE else BY_TORCH[name](*args)

    return faster if name in BY_TORCH else function
