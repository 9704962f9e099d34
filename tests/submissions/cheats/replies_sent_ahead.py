# lessons: 01 03 05
# based-on: hollow
# expect: refused * forbidden-import
# unpoliced: refused * malformed-frame
# unpoliced: failed * wrong-value
# Answers requests that have not been made yet, so that each answer is taken for a later one.
import os
import stat


def sockets():
    for descriptor in range(3, 64):
        try:
            if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                yield descriptor
        except OSError:
            continue


def send(descriptor, data):
    try:
        os.write(descriptor, data)
    except OSError:  # a socket of the GPU's driver
        pass


def attack(function, name):
    def ahead(*args):
        body = b'{"runs": [], "nbytes": 0, "written": true, "loaded": true, "events_s": 1e-9}'
        for descriptor in sockets():
            for _ in range(8):
                send(descriptor, len(body).to_bytes(4, "big") + body)
        return function(*args)

    return ahead
