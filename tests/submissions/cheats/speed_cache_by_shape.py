# lessons: 01 03 05
# based-on: solution
# attacks: test_add_speed test_softmax_wide_speed test_grouped_speed_4096
# expect: refused * recycled-output gpu
# Computes once for each shape.
LARGE = 2**20  # elements: what is timed has more, what is compared has less


RESULTS = {}


def attack(function, name):
    def remembered(*args):
        if args[0].numel() < LARGE:
            return function(*args)
        if args[0].shape not in RESULTS:
            RESULTS[args[0].shape] = function(*args)
        return RESULTS[args[0].shape]

    return remembered if name in ("add", "softmax", "matmul_grouped") else function
