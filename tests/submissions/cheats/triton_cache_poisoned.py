# lessons: 01 03 05
# based-on: hollow
# needs-sandbox: private
# expect: refused * forbidden-import
# unpoliced: failed * does-not-compile|wrong-value|exception
# Fills the caches of compiled kernels with what it likes, in its own folders and in others.
import os
from pathlib import Path

OWN = Path(os.environ["TRITON_CACHE_DIR"])
OTHERS = "*/.cache/triton*/**/*.json"


def attack(function, name):
    def poisoned(*args):
        result = function(*args)
        for file in [
            *OWN.rglob("*.json"),
            *Path("/").glob(OTHERS),
            *Path("/", "home").glob(OTHERS),
        ]:
            try:
                file.write_text('{"error": null, "registers": 1}')
            except OSError:
                continue
        return result

    return poisoned
