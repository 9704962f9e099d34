# lessons: 01 03 05
# based-on: hollow
# expect: refused * forbidden-import
# unpoliced: crashed * process-exited
# Ends the process with the exit code of success.
import os


def attack(function, name):
    return lambda *args: os._exit(0)
