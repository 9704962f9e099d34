"""``python -m benchmarks.performance``: measure all operations on this machine's GPU."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import torch

from benchmarks.performance.measure import measure_all


def main() -> int:
    """Measure, print progress to stderr, write JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.performance")
    parser.add_argument("--json", type=Path, required=True, help="file to write")
    parser.add_argument("--only", default="", help="lessons whose name contains this")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        sys.exit("There is no CUDA GPU on this machine: performance is measured on one.")
    found = measure_all(options.only, lambda line: print(line, file=sys.stderr, flush=True))
    options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
