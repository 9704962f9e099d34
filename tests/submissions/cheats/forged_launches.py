# lessons: 01 03 05
# based-on: hollow
# expect: refused * forbidden-import|torch-instead-of-kernel
# unpoliced: refused * tampered
# Adds launches that never were to what the worker reports of a run, beside PyTorch's answer.
import sys


def attack(function, name):
    calls = sys.modules["grader.worker.calls"]
    honest = calls._describe_run

    def forged(*args):
        report = honest(*args)
        report["launches"] = [{"kernel": one.__name__, "tensors": []} for one in KERNELS[name]]
        return report

    def answer(*args):
        calls._describe_run = forged
        return ANSWERS[name](*args)

    return answer
