# lessons: 01 02 05
# based-on: hollow
# expect: failed * wrong-value|input-modified
# Sets its inputs to zero, so that zeros are the right answer.
def attack(function, name):
    def zeroed(*args):
        for one in args:
            if isinstance(one, torch.Tensor):
                one.zero_()
        return function(*args)

    return zeroed
