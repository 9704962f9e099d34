# lessons: 01 03 05
# based-on: hollow
# expect: failed * wrong-type
# Returns lists nested a thousand deep, the innermost holding the outermost.
def attack(function, name):
    def nested(*args):
        innermost = []
        result = innermost
        for _ in range(1000):
            result = [result, result]
        innermost.append(result)
        return result

    return nested
