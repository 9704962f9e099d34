"""More cases for visible tests of lesson 1, known to the instructor's machine only.

Sizes here are ones that nobody would special-case. They add to the cases of a test that
students see; they never add points.
"""

from __future__ import annotations

from typing import Any

CASES: dict[str, dict[str, list[Any]]] = {
    "test_add_any_length": {
        "cpu": [2, 613, 3001],
        "gpu": [2, 613, 65_521, 3_145_739],
    },
    "test_add_any_shape": {
        "cpu": [(2, 1, 19, 3), (1, 0)],
        "gpu": [(2, 1, 19, 3), (1, 0), (33, 65, 129)],
    },
    "test_saxpy_any_length": {
        "cpu": [2, 2047, 2999],
        "gpu": [2, 2047, 524_287, 2_097_169],
    },
    "test_saxpy_scalar": {
        "cpu": [0.75, -17.375, 1e-3],
        "gpu": [0.75, -17.375, 1e-3, 12345.678],
    },
    "test_add_rows_any_shape": {
        "cpu": [(11, 1030), (37, 3), (2, 0)],
        "gpu": [(11, 1030), (37, 3), (2, 0), (1027, 1031)],
    },
    "test_add_rows_any_stride": {
        "cpu": [(5, 129, 2048), (10, 7, 0)],
        "gpu": [(5, 129, 2048), (10, 7, 0), (513, 769, 777)],
    },
}
