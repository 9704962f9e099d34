# lessons: 01 03 05
# based-on: hollow
# expect: refused * forbidden-import
# unpoliced: failed * wrong-value
# Prints a report with full marks to every stream, as JSON and as JUnit.
import json
import os
import sys

REPORT = json.dumps({"lesson": "lesson01", "score": 20.0, "max_score": 20.0, "tests": []})
JUNIT = '<testsuites><testsuite name="lesson01" tests="1" failures="0"/></testsuites>'


def attack(function, name):
    def printed(*args):
        for text in (REPORT, JUNIT, "20/20 points", "\x1b[2J\x1b]0;passed\x07"):
            print(text, flush=True)
            print(text, file=sys.stderr, flush=True)
            os.write(1, text.encode())
        return function(*args)

    return printed
