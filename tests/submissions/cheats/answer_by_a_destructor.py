# lessons: 01 03 05
# based-on: hollow
# expect: failed * wrong-value
# expect: refused * torch-instead-of-kernel
# unpoliced: failed * wrong-value
# unpoliced: refused * foreign-kernel
# The result keeps a generator, whose end writes the answer: when the result is let go.
def at_the_end(result, answer):
    try:
        yield
    finally:
        result.copy_(answer())


def attack(function, name):
    def kept(*args):
        result = function(*args)
        result.keeper = at_the_end(result.detach(), lambda: ANSWERS[name](*args))
        next(result.keeper)
        return result

    return kept
