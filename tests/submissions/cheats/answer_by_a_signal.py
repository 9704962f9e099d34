# lessons: 01
# based-on: hollow
# expect: refused * forbidden-import
# unpoliced: refused * tampered
# Earns honest evidence for zeros; a timer's signal handler fills in PyTorch's answer a bit later.
import signal


def attack(function, name):
    calls = []

    def ring(number, frame):
        for result, args in calls:
            result.copy_(ANSWERS[name](*args))
        calls.clear()

    def zeros(*args):
        calls.append((function(*args), args))
        signal.signal(signal.SIGALRM, ring)
        signal.setitimer(signal.ITIMER_REAL, 0.004)
        return calls[-1][0]

    return zeros
