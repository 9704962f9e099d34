# lessons: 01 03 05
# based-on: hollow
# expect: refused * forbidden-attribute
# unpoliced: crashed * process-exited
# Raises an exception that runs code when it is printed, named, compared or chained.
class Acting(BaseException):
    runs = 0

    def __str__(self):
        Acting.runs += 1
        raise Acting("again") if Acting.runs < 5 else SystemExit(0)

    __repr__ = __str__

    @property
    def __cause__(self):
        return self

    @property
    def __traceback__(self):
        raise SystemExit(0)


def attack(function, name):
    def acting(*args):
        raise Acting("passed")

    return acting
