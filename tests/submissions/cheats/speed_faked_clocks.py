# lessons: 01 03 05
# based-on: solution
# attacks: test_add_speed test_softmax_wide_speed test_grouped_speed_4096
# expect: refused * forbidden-call gpu
# unpoliced: slow * too-slow gpu
# unpoliced: failed * exception gpu
# Works three times as long, with clocks, waits and statistics that it replaced. A wait that is none can
# make the warm-up itself fail.
import statistics
import time

LARGE = 2**20  # elements: what is timed has more, what is compared has less


for clock in ("time", "monotonic", "perf_counter", "monotonic_ns", "perf_counter_ns"):
    setattr(time, clock, lambda: 0)
statistics.median = statistics.mean = lambda values: 0.0
torch.cuda.synchronize = lambda *args: None
torch.cuda.Event.synchronize = lambda *args: None


def attack(function, name):
    def three_times(*args):
        for _ in range(2 if args[0].numel() >= LARGE else 0):
            function(*args)
        return function(*args)

    return three_times if name in ("add", "softmax", "matmul_grouped") else function
