# lessons: 01 03 05 06 07
# based-on: hollow
# expect: failed * unexpected-nan|wrong-value
# Returns NaN everywhere: no comparison with NaN is true, so none says that it is wrong.
def attack(function, name):
    return lambda *args, **kwargs: function(*args, **kwargs).fill_(float("nan"))
