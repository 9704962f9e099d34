# lessons: 01
# based-on: hollow
# expect: refused * forbidden-import
# unpoliced: timed_out * timeout
# Stops its own process group and ignores what would end it politely.
import os
import signal


def attack(function, name):
    def stopped(*args):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGALRM):
            signal.signal(number, signal.SIG_IGN)
        os.kill(os.getpid(), signal.SIGSTOP)
        return function(*args)

    return stopped
