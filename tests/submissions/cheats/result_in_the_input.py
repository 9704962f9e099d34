# lessons: 01 03
# based-on: solution
# expect: failed * output-aliases-input|input-modified
# Computes what is right, into the memory of its input, and returns that.
def attack(function, name):
    def in_place(x, *rest):
        return x.copy_(function(x, *rest))

    return in_place if name in ("add", "softmax") else function
