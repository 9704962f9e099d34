# lessons: 01
# based-on: hollow
# needs-sandbox: private
# expect: refused * forbidden-import
# unpoliced: crashed * killed
# unpoliced: timed_out * timeout
# unpoliced: failed * wrong-value
# Kills its parent and its group, or all processes that it can see.
import os
import signal


def attack(function, name):
    def signalled(*args):
        if os.getppid() <= 1:  # there is nobody here but what the sandbox started
            for reached in (1, -1):
                try:
                    os.kill(reached, signal.SIGKILL)
                except OSError:
                    continue
        return function(*args)

    return signalled
