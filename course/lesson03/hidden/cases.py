"""More cases for visible tests of lesson 3, known to the instructor's machine only.

Sizes here are ones that nobody would special-case. They add to the cases of a test that
students see; they never add points.
"""

from __future__ import annotations

from typing import Any

CASES: dict[str, dict[str, list[Any]]] = {
    "test_softmax_any_shape": {
        "cpu": [(11, 129), (2, 9001), (1, 16_384), (53, 7)],
        "gpu": [(11, 129), (2, 9001), (1, 16_384), (66_001, 131), (513, 12_345)],
    },
    "test_softmax_large_values": {
        "cpu": [3.3e4, 95.0],
    },
    "test_softmax_negative_values": {
        "cpu": [-110.0, -7e3],
    },
    "test_softmax_special_values": {
        "cpu": [4, 37, 3000],
        "gpu": [4, 37, 3000, 16_000],
    },
    "test_softmax_any_stride": {
        "cpu": [(5, 129, 2048), (10, 7, 0), (4, 100, 2**30 + 8)],
        "gpu": [(5, 129, 2048), (10, 7, 0), (1027, 769, 800)],
    },
    "test_softmax_in_place": {
        "cpu": [(3, 129, 1000), (7, 2000, 2000), (5, 0, 3)],
        "gpu": [(3, 129, 1000), (7, 2000, 2000), (5, 0, 3), (4099, 513, 520)],
    },
    "test_softmax_long_any_length": {
        "cpu": [70_001, 3, 12_289],
        "gpu": [70_001, 3, 12_289, 654_321],
    },
    "test_softmax_long_special_values": {
        "cpu": [99_991, 77],
    },
}
