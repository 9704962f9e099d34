# lessons: 01 03 05
# based-on: hollow
# expect: refused * forbidden-import
# unpoliced: refused * malformed-frame
# Sends frames that are no JSON, or nested so deep that a parser gives up.
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
    def malformed(*args):
        for descriptor in sockets():
            for body in (b'{"a":' * 60_000, b"\x00\xfe", b"[1e999]"):
                send(descriptor, len(body).to_bytes(4, "big") + body)
        return function(*args)

    return malformed
