"""More cases for visible tests of lesson 4, known to the instructor's machine only.

Sizes here are ones that nobody would special-case. They add to the cases of a test that
students see; they never add points.
"""

from __future__ import annotations

from typing import Any

CASES: dict[str, dict[str, list[Any]]] = {
    "test_quantize_any_size": {
        "cpu": [(6, 129, 140), (2, 2047, 3000)],
        "gpu": [(6, 129, 140), (2, 2047, 3000), (129, 8191, 8200), (3, 40_001, 40_001)],
    },
    "test_quantize_ties": {
        "cpu": [(5, 259)],
        "gpu": [(5, 259), (77, 12_289)],
    },
    "test_matmul_any_size": {
        "cpu": [(129, 17, 143), (2, 131, 1), (9, 0, 16)],
        "gpu": [(129, 17, 143), (2, 131, 1), (257, 1031, 1037), (17, 1031, 2064)],
    },
    "test_matmul_large_sums": {
        "cpu": [(3, 5, 5003)],
        "gpu": [(3, 5, 5003), (65, 66, 70_001)],
    },
    "test_linear_any_size": {
        "cpu": [(7, 45, 555), (1, 129, 2049), (12, 2, 3)],
        "gpu": [(7, 45, 555), (1, 129, 2049), (13, 503, 3001)],
    },
    "test_linear_w4a16_any_size": {
        "cpu": [(1, 11, 192, 64)],
        "gpu": [(1, 11, 192, 64), (5, 503, 3072, 96)],
    },
}
