# lessons: 01 03 05
# based-on: hollow
# expect: refused * forbidden-import
# unpoliced: failed * wrong-value
# unpoliced: refused * work-outside-the-call
# unpoliced: crashed * segfault|process-exited
# A thread rewrites the shared memory over and over while the judge reads and compares.
import mmap
import os
import threading
import time


def rewrite(until):
    while time.monotonic() < until:
        for entry in os.listdir("/proc/self/fd"):
            try:
                if "memfd" in os.readlink(f"/proc/self/fd/{entry}"):
                    size = os.fstat(int(entry)).st_size
                    with mmap.mmap(int(entry), size) as block:
                        block[:] = os.urandom(1) * size
            except (OSError, ValueError):
                continue


def attack(function, name):
    def raced(*args):
        threading.Thread(target=rewrite, args=(time.monotonic() + 1,), daemon=True).start()
        return function(*args)

    return raced
