# lessons: 01 03 05
# based-on: hollow
# expect: refused * forbidden-import
# unpoliced: refused * malformed-frame
# unpoliced: crashed * process-exited
# Writes the reply that it would like into every open socket, then ends the process.
import json
import os
import struct

REPLY = json.dumps({"passed": True, "points": 20, "status": "passed", "runs": [], "nbytes": 0})


def attack(function, name):
    def forged(*args):
        for descriptor in range(1, 64):
            try:
                os.write(descriptor, struct.pack("!I", len(REPLY)) + REPLY.encode())
            except OSError:
                continue
        os._exit(0)

    return forged
