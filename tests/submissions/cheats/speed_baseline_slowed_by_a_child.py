# lessons: 01 03 05
# based-on: solution
# attacks: test_add_speed test_softmax_wide_speed test_grouped_speed_4096
# expect: refused * forbidden-import gpu
# unpoliced: slow * too-slow gpu
# unpoliced: inconclusive * speed-undecided gpu
# Works three times as long; a process of its own keeps the GPU busy for 60 seconds.
import subprocess
import sys

LARGE = 2**20  # elements: what is timed has more, what is compared has less
BUSY = """
import time, torch
matrix, end = torch.ones(8192, 8192, device="cuda"), time.monotonic() + 60
while time.monotonic() < end:
    matrix @ matrix
    torch.cuda.synchronize()
"""
CHILDREN = []


def attack(function, name):
    def three_times(*args):
        if args[0].numel() < LARGE:
            return function(*args)
        if not CHILDREN:
            CHILDREN.append(subprocess.Popen([sys.executable, "-c", BUSY]))
        for _ in range(3):
            result = function(*args)
        return result

    return three_times if name in ("add", "softmax", "matmul_grouped") else function
