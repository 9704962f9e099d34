# lessons: 01 03 05
# based-on: solution
# attacks: test_add_speed test_softmax_wide_speed test_grouped_speed_4096
# expect: refused * forbidden-import gpu
# unpoliced: refused * work-outside-the-call gpu
# unpoliced: slow * too-slow gpu
# unpoliced: inconclusive * speed-undecided gpu
# Works three times as long; a thread keeps the GPU busy whenever the function is not being called.
import threading
import time

LARGE = 2**20  # elements: what is timed has more, what is compared has less


LAST = [0.0]


def busy(matrix):
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        while True:
            if time.monotonic() - LAST[0] > 0.005:
                matrix @ matrix
                stream.synchronize()
            else:
                time.sleep(0.001)


def attack(function, name):
    def three_times(*args):
        if args[0].numel() < LARGE:
            return function(*args)
        if not LAST[0]:
            matrix = torch.ones(4096, 4096, device=args[0].device)
            threading.Thread(target=busy, args=(matrix,), daemon=True).start()
        for _ in range(3):
            result = function(*args)
        LAST[0] = time.monotonic()
        return result

    return three_times if name in ("add", "softmax", "matmul_grouped") else function
