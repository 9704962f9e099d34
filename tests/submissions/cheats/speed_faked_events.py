# lessons: 01 03 05
# based-on: solution
# attacks: test_add_speed test_softmax_wide_speed test_grouped_speed_4096
# expect: refused * patched-module gpu
# unpoliced: slow * too-slow gpu
# Works three times as long and replaces torch's events, which then tell a tenth of the time.
LARGE = 2**20  # elements: what is timed has more, what is compared has less


class FastEvent(torch.cuda.Event):
    def elapsed_time(self, end):
        return 0.1 * super().elapsed_time(end)


torch.cuda.Event = FastEvent


def attack(function, name):
    def three_times(*args):
        for _ in range(2 if args[0].numel() >= LARGE else 0):
            function(*args)
        return function(*args)

    return three_times if name in ("add", "softmax", "matmul_grouped") else function
