"""``python -m grader lesson01`` is ``grade lesson01``."""

import sys

from grader.cli import grade_main

if __name__ == "__main__":
    sys.exit(grade_main())
