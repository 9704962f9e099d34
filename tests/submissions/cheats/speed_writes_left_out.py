# lessons: 01 03 05
# based-on: solution
# attacks: test_add_speed test_softmax_wide_speed test_grouped_speed_4096
# expect: refused * forbidden-import gpu
# unpoliced: refused * tampered gpu
# Replaces the plan of what is overwritten between calls by one without writes.
import sys


def attack(function, name):
    timing = sys.modules["grader.worker.timing"]
    honest = timing.plan_writes

    def nothing_new(seed, calls, elements):
        return honest(0, calls, elements)

    timing.plan_writes = nothing_new
    return function
