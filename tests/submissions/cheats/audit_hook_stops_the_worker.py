# lessons: 01 03 05
# based-on: hollow
# expect: refused * forbidden-import
# unpoliced: failed * wrong-value
# unpoliced: crashed * process-exited
# Adds an audit hook that raises as soon as the worker says anything.
import sys


def hook(event, args):
    if event.startswith("socket."):
        raise RuntimeError("nothing is said")


def attack(function, name):
    def hooked(*args):
        result = function(*args)
        sys.addaudithook(hook)
        return result

    return hooked
