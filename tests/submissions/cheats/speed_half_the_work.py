# lessons: 01 03 05
# based-on: solution
# attacks: test_add_speed test_softmax_wide_speed test_grouped_speed_4096
# expect: failed * wrong-value gpu
# Computes the first half of large inputs only.
LARGE = 2**20  # elements: what is timed has more, what is compared has less


def attack(function, name):
    def half(first, *rest):
        if first.numel() < LARGE:
            return function(first, *rest)
        end = len(first) // 2
        done = function(first[:end], *(one[:end] if name == "add" else one for one in rest))
        return torch.cat([done, torch.empty_like(done)])

    return half if name in ("add", "softmax", "matmul_grouped") else function
