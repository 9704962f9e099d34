# lessons: 01 03 05
# based-on: hollow
# expect: refused * forbidden-import
# unpoliced: failed * wrong-value
# Leaves a reply to a destructor and to an exit handler, to be sent when all is over.
import atexit
import os

REPLY = b'{"passed": true, "runs": [], "nbytes": 0}'


def send():
    for descriptor in range(1, 64):
        try:
            os.write(descriptor, len(REPLY).to_bytes(4, "big") + REPLY)
        except OSError:
            continue


class Last:
    def __del__(self):
        send()


KEPT = Last()
atexit.register(send)
