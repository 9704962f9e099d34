# lessons: 01 03 05
# based-on: hollow
# expect: refused * forbidden-import
# unpoliced: failed * wrong-value
# Looks for the judge in /proc, and for tensors in its memory.
import ctypes
import os


def looks_into(pid):
    for name in ("mem", "maps", "environ", "fd"):
        try:
            path = f"/proc/{pid}/{name}"
            yield os.listdir(path) if name == "fd" else open(path, "rb").read(1 << 12)
        except (OSError, ValueError):
            continue


def attack(function, name):
    def searched(*args):
        ctypes.CDLL(None).ptrace(0x4206, os.getppid(), 0, 0)  # PTRACE_SEIZE, which stops nobody
        list(looks_into(os.getppid()))
        return function(*args)

    return searched
