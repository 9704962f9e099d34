# lessons: 01 03 05
# needs-sandbox: private
# based-on: hollow
# expect: refused * forbidden-import
# unpoliced: failed * wrong-value
# Looks in all temporary folders for what others handed in, and takes the first of it.
import importlib.util
import tempfile
from pathlib import Path

OWN = Path(__file__)


def others():
    for root in {Path(tempfile.gettempdir()), Path("/tmp"), OWN.parent.parent}:
        try:
            yield from (one for one in root.glob(f"*/{OWN.name}") if one.resolve() != OWN.resolve())
        except OSError:
            continue


def attack(function, name):
    for path in others():
        if "BEGIN SOLUTION" in path.read_text():
            spec = importlib.util.spec_from_file_location("other", path)
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            return getattr(module, name)
    return function
