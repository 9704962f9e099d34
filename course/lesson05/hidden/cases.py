"""More cases for visible tests of lesson 5, known to the instructor's machine only.

Sizes here are ones that nobody would special-case. They add to the cases of a test that
students see; they never add points.
"""

from __future__ import annotations

from typing import Any

CASES: dict[str, dict[str, list[Any]]] = {
    "test_matmul_any_size": {
        "cpu": [(67, 129, 53)],
        "gpu": [(67, 129, 53), (613, 1031, 197)],
    },
    "test_grouped_any_size": {
        "cpu": [(333, 67, 19)],
        "gpu": [(333, 67, 19), (1511, 323, 187)],
    },
    "test_linear_gelu_any_size": {
        "cpu": [(41, 97, 59)],
        "gpu": [(41, 97, 59), (517, 389, 1201)],
    },
    "test_persistent_any_size": {
        "cpu": [(90, 72, 40)],
        "gpu": [(90, 72, 40), (1111, 808, 136)],
    },
}
