# lessons: 01 03 05
# based-on: hollow
# expect: refused * forbidden-import
# unpoliced: failed * wrong-value
# Truncates and seals every shared block of memory that it finds, under the judge's feet.
import fcntl
import os


def attack(function, name):
    def truncated(*args):
        for entry in os.listdir("/proc/self/fd"):
            try:
                if "memfd" in os.readlink(f"/proc/self/fd/{entry}"):
                    fcntl.fcntl(int(entry), fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE)
                    os.ftruncate(int(entry), 0)
            except OSError:
                continue
        return function(*args)

    return truncated
