# lessons: 01 02 05
# based-on: hollow
# expect: refused * forbidden-import
# unpoliced: failed * wrong-value
# Sets the shared input memory to zero, so that an oracle that reads it there agrees with zeros.
import mmap
import os


def attack(function, name):
    def zeroed(*args):
        for entry in os.listdir("/proc/self/fd"):
            try:
                if "memfd" in os.readlink(f"/proc/self/fd/{entry}"):
                    size = os.fstat(int(entry)).st_size
                    with mmap.mmap(int(entry), size) as block:
                        block[:] = bytes(size)
            except (OSError, ValueError):
                continue
        return function(*args)

    return zeroed
