"""More cases for visible tests of lesson 6, known to the instructor's machine only.

Sizes here are ones that nobody would special-case. They add to the cases of a test that
students see; they never add points.
"""

from __future__ import annotations

from typing import Any

CASES: dict[str, dict[str, list[Any]]] = {
    "test_logprob_any_vocabulary": {
        "cpu": [(1, 4, 8193), (2, 2, 37)],
        "gpu": [(1, 4, 8193), (2, 2, 37), (3, 7, 151_936), (5, 2, 99_991)],
    },
    "test_logprob_gradient": {
        "cpu": [((2, 2, 2049), "float32"), ((1, 3, 333), "float16")],
        "gpu": [
            ((2, 2, 2049), "float32"),
            ((1, 3, 333), "float16"),
            ((3, 3, 151_936), "bfloat16"),
            ((33_000, 2, 5), "float32"),
        ],
    },
    "test_preference_loss": {"cpu": [3, 1025], "gpu": [3, 1025, 65_537]},
    "test_preference_gradient": {"cpu": [3, 1025], "gpu": [3, 1025, 65_537]},
    "test_reward_model_loss": {
        "cpu": [(3, "each"), (1025, 1.25)],
        "gpu": [(3, "each"), (1025, 1.25), (65_537, -0.5)],
    },
    "test_tune_step": {"cpu": [(9, 2, 4)], "gpu": [(9, 2, 4), (777, 5, 33)]},
}
