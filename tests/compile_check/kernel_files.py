"""Where the kernels of these tests are, and how to read them without running them."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

KERNELS = Path(__file__).parent / "kernels"

# One file's results by case, each {"raised", "launches", "results"}: see ``run_kernels``.
Checked = dict[str, dict[str, Any]]


def cases(file: str) -> list[str]:
    """Names of the cases of a kernel file: what follows ``launch_``."""
    return [
        node.name.removeprefix("launch_")
        for node in ast.parse((KERNELS / f"{file}.py").read_text()).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("launch_")
    ]


def line_of(file: str, function: str, marker: str) -> int:
    """Number of the first line with a marker, from the beginning of a function on."""
    lines = (KERNELS / f"{file}.py").read_text().splitlines()
    begin = next(n for n, line in enumerate(lines) if line.startswith(f"def {function}("))
    return next(n for n in range(begin, len(lines)) if f"# {marker}" in lines[n]) + 1
