# lessons: 01 03 05
# based-on: solution
# attacks: test_add_speed test_softmax_wide_speed test_grouped_speed_4096
# expect: failed * wrong-value gpu
# Computes small inputs and returns memory as it was allocated for large ones.
LARGE = 2**20  # elements: what is timed has more, what is compared has less


def attack(function, name):
    def nothing(*args):
        if args[0].numel() < LARGE:
            return function(*args)
        return args[0].new_empty((*args[0].shape[:-1], args[-1].shape[-1]))

    return nothing if name in ("add", "softmax", "matmul_grouped") else function
