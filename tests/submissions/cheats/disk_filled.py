# lessons: 01 03 05
# based-on: hollow
# expect: refused * forbidden-import
# unpoliced: failed * wrong-value
# unpoliced: failed * exception
# Fills the disk: 64 MiB here, and as many files as it may.
import tempfile
from pathlib import Path


def attack(function, name):
    def filled(*args):
        for folder in (Path.cwd(), Path(tempfile.gettempdir())):
            for number in range(32):
                with open(folder / f"fill{number}", "wb") as file:
                    file.write(bytes(1 << 20))
        return function(*args)

    return filled
