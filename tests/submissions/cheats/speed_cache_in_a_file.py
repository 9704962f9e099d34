# lessons: 01 03 05
# based-on: solution
# attacks: test_add_speed test_softmax_wide_speed test_grouped_speed_4096
# expect: refused * forbidden-import gpu
# unpoliced: refused * stale-answer|recycled-output gpu
# unpoliced: failed * wrong-value gpu
# Keeps results in a file, for this worker and for the one after it.
from pathlib import Path

LARGE = 2**20  # elements: what is timed has more, what is compared has less


FILE = Path("results.pt")


def attack(function, name):
    def from_file(*args):
        if args[0].numel() < LARGE:
            return function(*args)
        if not FILE.exists():
            torch.save(function(*args)[:1], FILE)
        output = args[0].new_empty((*args[0].shape[:-1], args[-1].shape[-1]))
        output[:1] = torch.load(FILE)
        return output

    return from_file if name in ("add", "softmax", "matmul_grouped") else function
