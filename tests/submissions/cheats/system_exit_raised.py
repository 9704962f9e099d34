# lessons: 01 03 05
# based-on: hollow
# expect: failed * exception
# Raises SystemExit with the exit code of success.
def attack(function, name):
    def left(*args):
        raise SystemExit(0)

    return left
