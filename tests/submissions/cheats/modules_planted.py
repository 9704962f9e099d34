# lessons: 01 03 05
# based-on: hollow
# expect: refused * forbidden-import
# unpoliced: failed * wrong-value
# Leaves torch.py, conftest.py, sitecustomize.py and .pth files behind for the next process.
import site
from pathlib import Path

CODE = "import sys; sys.modules['torch'] = sys; print('planted')"
FOLDERS = [Path.cwd(), Path.home(), Path(__file__).parent, Path(site.getusersitepackages())]


def attack(function, name):
    def planted(*args):
        for folder in FOLDERS:
            for file in (
                "torch.py",
                "conftest.py",
                "sitecustomize.py",
                "usercustomize.py",
                "x.pth",
            ):
                try:
                    folder.mkdir(parents=True, exist_ok=True)
                    with open(folder / file, "x") as planted:
                        planted.write(CODE)
                except OSError:
                    continue
        return function(*args)

    return planted
