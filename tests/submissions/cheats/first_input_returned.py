# lessons: 01 03 05
# based-on: hollow
# expect: failed * output-aliases-input|wrong-value
# Returns its first tensor as it is.
def attack(function, name):
    def same(*args):
        function(*args)
        return next(one for one in args if isinstance(one, torch.Tensor))

    return same
