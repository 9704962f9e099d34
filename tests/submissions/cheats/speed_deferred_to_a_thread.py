# lessons: 01 03 05
# based-on: solution
# attacks: test_add_speed test_softmax_wide_speed test_grouped_speed_4096
# expect: refused * forbidden-import gpu
# unpoliced: failed * wrong-value gpu
# unpoliced: refused * stale-answer gpu
# Returns at once and computes in a thread, after the clock has stopped.
import threading
import time

LARGE = 2**20  # elements: what is timed has more, what is compared has less


def late(function, args, result):
    time.sleep(0.02)
    result.copy_(function(*args))


def attack(function, name):
    def at_once(*args):
        if args[0].numel() < LARGE:
            return function(*args)
        result = args[0].new_empty((*args[0].shape[:-1], args[-1].shape[-1]))
        threading.Thread(target=late, args=(function, args, result)).start()
        return result

    return at_once if name in ("add", "softmax", "matmul_grouped") else function
