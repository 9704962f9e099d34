# lessons: 01 03 05
# based-on: solution
# expect: failed * wrong-value
# Is right for the first shape that it sees, and returns memory as it was for all others.
SHAPES = []


def attack(function, name):
    def known_shape_only(*args):
        result = function(*args)
        SHAPES.append(result.shape)
        return result if result.shape == SHAPES[0] else torch.zeros_like(result)

    return known_shape_only
