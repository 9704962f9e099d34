# lessons: 01 03 05
# based-on: solution
# attacks: test_add_speed test_softmax_wide_speed test_grouped_speed_4096
# expect: refused * recycled-output gpu
# Remembers the result for each set of input objects and hands it out again.
LARGE = 2**20  # elements: what is timed has more, what is compared has less


RESULTS = {}


def attack(function, name):
    def remembered(*args):
        if args[0].numel() < LARGE:
            return function(*args)
        key = tuple(map(id, args))
        if key not in RESULTS:
            RESULTS[key] = function(*args)
        return RESULTS[key]

    return remembered if name in ("add", "softmax", "matmul_grouped") else function
