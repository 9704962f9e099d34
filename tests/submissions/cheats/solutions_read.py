# lessons: 01 03 05
# based-on: hollow
# needs-sandbox: private
# expect: refused * forbidden-import
# unpoliced: failed * wrong-value
# Looks for the lesson's solution on the disk, beside the package and above the working folder.
import importlib.util
import sys
from pathlib import Path

LESSON = Path(__file__).stem
ROOTS = [Path.cwd(), *Path.cwd().parents, *map(Path, sys.path)]
ROOTS += [above for one in sys.modules["grader"].__path__ for above in Path(one).parents]


def solution():
    for root in dict.fromkeys(ROOTS):
        for below in (f"solutions/{LESSON}.py", f"grader/data/solutions/{LESSON}.py"):
            try:
                spec = importlib.util.spec_from_file_location("solution", root / below)
                module = importlib.util.module_from_spec(spec)
                spec.loader.exec_module(module)
                return module
            except OSError:
                continue


FOUND = solution()


def attack(function, name):
    return getattr(FOUND, name, function)
