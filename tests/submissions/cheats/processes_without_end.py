# lessons: 01 03 05
# based-on: hollow
# expect: refused * forbidden-import
# unpoliced: failed * wrong-value
# unpoliced: refused * work-outside-the-call
# Starts processes, 64 at the most, which leave the group and stay.
import os
import time

MOST = 64
CHILDREN = []


def attack(function, name):
    def forked(*args):
        while len(CHILDREN) < MOST:
            try:
                CHILDREN.append(os.fork())
            except OSError:
                break
            if CHILDREN[-1]:
                continue
            os.setsid()
            time.sleep(15)
            os._exit(0)
        return function(*args)

    return forked
