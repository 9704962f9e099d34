"""More cases for visible tests of lesson 2, known to the instructor's machine only.

Sizes, seeds and probabilities here are ones that nobody would special-case. They add to the
cases of a test that students see; they never add points.
"""

from __future__ import annotations

from typing import Any

_SHAPES = [(13, 1031), (33, 5), (2, 0)]
_STRIDES = [(7, 130, 2048, 131), (11, 600, 600, 0)]
_MASKS = [
    ((3313,), 0.35, 99_991, "float32"),
    ((2, 1, 19, 67), 0.8, 2**35 + 17, "float16"),
    ((2,), 0.5, 2**63 - 1, "float32"),
]
_GRADIENTS = [((2777,), 0.65, 424_243, "float16"), ((3, 1025), 0.05, 2**50 + 9, "float32")]

CASES: dict[str, dict[str, list[Any]]] = {
    "test_add_mul_any_length": {
        "cpu": [2, 613, 3001],
        "gpu": [2, 613, 65_521, 3_145_739],
    },
    "test_bias_gelu_residual_any_shape": {
        "cpu": _SHAPES,
        "gpu": [*_SHAPES, (1027, 1031)],
    },
    "test_bias_gelu_residual_any_stride": {
        "cpu": _STRIDES,
        "gpu": [*_STRIDES, (513, 769, 777, 800)],
    },
    "test_dropout_mask": {
        "cpu": _MASKS,
        "gpu": [*_MASKS, ((523, 997), 0.15, 31_337, "bfloat16")],
    },
    "test_dropout_backward": {
        "cpu": _GRADIENTS,
        "gpu": [*_GRADIENTS, ((700_001,), 0.45, 2**31 + 3, "bfloat16")],
    },
}
