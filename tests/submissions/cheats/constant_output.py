# lessons: 01 03 05 06 07
# based-on: hollow
# expect: failed * wrong-value
# Returns a plausible constant whatever the inputs are.
def attack(function, name):
    def constant(*args, **kwargs):
        result = function(*args, **kwargs)
        return result.fill_(1 / max(1, result.shape[-1]) if result.dim() else 0.6931)

    return constant
