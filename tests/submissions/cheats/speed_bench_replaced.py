# lessons: 01 03 05
# based-on: solution
# attacks: test_add_speed test_softmax_wide_speed test_grouped_speed_4096
# expect: refused * forbidden-import gpu
# unpoliced: refused * tampered gpu
# Replaces the worker's batches: only the last call of a batch is made, and time is taken off.
import sys
import time

LARGE = 2**20  # elements: what is timed has more, what is compared has less


def attack(function, name):
    timing = sys.modules["grader.worker.timing"]

    def go(self, wanted):
        count, last = len(self._rings), len(self._place) - 1
        for call, (place, values) in enumerate(zip(self._place, self._values)):
            self._windows[call % count][place].copy_(values)
        output = self._function(*self._rings[last % count])
        torch.cuda.synchronize()
        time.sleep(0.02)
        for one, sample in zip(timing._leaves(output), wanted):
            sample.copy_from(one)
        return {"events_s": 0.02, "plain": True, "fresh": True}

    timing.Bench.go = go
    return function
