# lessons: 01 03 05
# based-on: hollow
# expect: refused * forbidden-import
# unpoliced: failed * wrong-value
# unpoliced: grader_error * grader-error
# Puts modules of its own in place of the worker's, of torch and of pytest.
import sys
import types


class Agreeable(types.ModuleType):
    def __getattr__(self, name):
        return lambda *args, **kwargs: True


for name in ("grader.judge.check", "grader.judge.compare", "grader.results", "pytest", "numpy"):
    sys.modules[name] = Agreeable(name)
