"""More cases for visible tests of lesson 7, known to the instructor's machine only.

Sizes here are ones that nobody would special-case. They add to the cases of a test that
students see; they never add points.
"""

from __future__ import annotations

from typing import Any

CASES: dict[str, dict[str, list[Any]]] = {
    "test_cross_entropy_loss": {
        "cpu": [(2, 9173), (5, 33)],
        "gpu": [(2, 9173), (5, 33), (67, 50_257)],
    },
    "test_cross_entropy_gradient": {
        "cpu": [(3, 8193, 8193, "float32"), (4, 130, 517, "bfloat16")],
        "gpu": [(3, 8193, 8193, "float32"), (130, 50_257, 50_307, "bfloat16")],
    },
    "test_cross_entropy_ignored_rows": {
        "cpu": [("some", 1), ("some", -1)],
        "gpu": [("some", 1), ("some", -1), ("all", 0)],
    },
    "test_cross_entropy_smoothing_and_z_loss": {
        "cpu": [(0.75, 0.5)],
        "gpu": [(0.75, 0.5), (0.05, 1e-3)],
    },
    "test_cross_entropy_backward_twice": {
        "cpu": [("float16", 0.3)],
        "gpu": [("float16", 0.3), ("float32", 1.0)],
    },
    "test_focal_loss": {
        "cpu": [(37, 3.25)],
        "gpu": [(37, 3.25), (20_001, 1.0)],
    },
    "test_focal_loss_gradient": {
        "cpu": [(37, 3.25, "float32")],
        "gpu": [(37, 3.25, "float32"), (20_001, 1.0, "bfloat16")],
    },
    "test_layer_norm_forward": {
        "cpu": [(6, 67, -4.0)],
        "gpu": [(6, 67, -4.0), (1031, 10_000, 0.5)],
    },
    "test_layer_norm_gradients": {
        "cpu": [(43, 67, "float32")],
        "gpu": [(43, 67, "float32"), (777, 5008, "bfloat16")],
    },
}
