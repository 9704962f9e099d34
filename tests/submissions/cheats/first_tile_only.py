# lessons: 01 03 05
# based-on: solution
# expect: failed * wrong-value|tail-not-written
# Computes the first 64 elements and leaves the others.
def attack(function, name):
    def first_tile(*args):
        result = function(*args)
        result.view(-1)[64:] = 0
        return result

    return first_tile
