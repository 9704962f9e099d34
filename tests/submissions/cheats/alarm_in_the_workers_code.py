# lessons: 01
# based-on: hollow
# expect: refused * forbidden-import
# unpoliced: failed * wrong-value
# unpoliced: failed * exception
# unpoliced: grader_error * grader-error
# unpoliced: crashed * signal|process-exited
# Lets an alarm raise an exception in the worker's own code, after the call.
import signal


def ring(number, frame):
    raise RuntimeError("not now")


def attack(function, name):
    def late(*args):
        result = function(*args)
        signal.signal(signal.SIGALRM, ring)
        signal.setitimer(signal.ITIMER_REAL, 0.0002, 0.0002)
        return result

    return late
