# lessons: 01 03 05
# based-on: hollow
# expect: refused * forbidden-import
# unpoliced: failed * wrong-value
# Writes reports, receipts and results of its own wherever it may.
import os
import tempfile
from pathlib import Path

NAMES = ("report.json", "receipt.json", "junit.xml", "report.html", "results.json")


def attack(function, name):
    def written(*args):
        for folder in (Path.cwd(), Path.home(), Path(tempfile.gettempdir()), Path(__file__).parent):
            for file in NAMES:
                try:
                    descriptor = os.open(folder / file, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
                    os.write(descriptor, b'{"score": 20, "max_score": 20}')
                    os.close(descriptor)
                except OSError:
                    continue
        return function(*args)

    return written
