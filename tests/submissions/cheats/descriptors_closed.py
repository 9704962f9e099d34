# lessons: 01 03 05
# based-on: hollow
# expect: refused * forbidden-import
# unpoliced: refused * malformed-frame
# unpoliced: crashed * process-exited
# Closes all files and sockets that it did not open.
import os


def attack(function, name):
    def closed(*args):
        result = function(*args)
        os.closerange(0, 256)
        return result

    return closed
