# lessons: 01
# based-on: hollow
# expect: crashed * too-much-output
# Prints without end.
def attack(function, name):
    def printing(*args):
        while True:
            print("passed " * 1000)

    return printing
