# lessons: 01 03 05
# based-on: hollow
# expect: refused * forbidden-import
# unpoliced: failed * wrong-value
# Walks up the stack for a tensor of the output's shape that is none of its inputs.
import sys


def candidates(shape, known):
    frame = sys._getframe(1)
    while frame:
        for value in list(frame.f_locals.values()) + list(frame.f_globals.values()):
            if isinstance(value, torch.Tensor) and value.shape == shape and id(value) not in known:
                yield value
        frame = frame.f_back


def attack(function, name):
    def found(*args):
        result = function(*args)
        known = {id(one) for one in (result, *args)}
        return next(candidates(result.shape, known), result).clone()

    return found
