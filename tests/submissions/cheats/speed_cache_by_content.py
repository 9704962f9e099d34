# lessons: 01 03 05
# based-on: solution
# attacks: test_add_speed test_softmax_wide_speed test_grouped_speed_4096
# expect: refused * torch-instead-of-kernel gpu
# unpoliced: refused * stale-answer gpu
# Remembers a dozen results for each fingerprint of the inputs' first elements.
LARGE = 2**20  # elements: what is timed has more, what is compared has less


RESULTS = {}


def attack(function, name):
    def remembered(*args):
        if args[0].numel() < LARGE:
            return function(*args)
        key = tuple(number for one in args for number in one.view(-1)[:4].tolist())
        results = RESULTS.setdefault(key, [])
        results.append(function(*args) if len(results) < 12 else results.pop(0))
        return results[-1]

    return remembered if name in ("add", "softmax", "matmul_grouped") else function
