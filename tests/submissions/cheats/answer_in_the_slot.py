# lessons: 01 03 05
# based-on: hollow
# expect: refused * forbidden-import|torch-instead-of-kernel
# unpoliced: refused * tampered
# Earns honest evidence for zeros, and puts PyTorch's answer in their place when they are sent.
import sys


def attack(function, name):
    outcome = sys.modules["grader.worker.calls"].Outcome
    honest = outcome.write
    calls = []

    def late(self, slot):
        for result, args in calls:
            result.copy_(ANSWERS[name](*args))
        calls.clear()
        honest(self, slot)

    def zeros(*args):
        calls.append((function(*args), args))
        outcome.write = late
        return calls[-1][0]

    return zeros
