# lessons: 01 03 05
# based-on: hollow
# expect: refused * forbidden-import|torch-instead-of-kernel
# unpoliced: refused * tampered
# Launches a kernel; PyTorch computes later, when the worker describes the result and nobody watches.
import sys


def attack(function, name):
    calls = sys.modules["grader.worker.calls"]
    honest = calls._describe

    def late(*args):
        result = function(*args)

        def forged(returned, *rest, **depth):
            return honest(ANSWERS[name](*args) if returned is result else returned, *rest, **depth)

        calls._describe = forged
        return result

    return late
