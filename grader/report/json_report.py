"""The JSON form of reports: the contract that scripts read.

One lesson is an object, several are an array. The text is plain ASCII and holds no NaN, so
that any JSON reader takes it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from grader.results import Report


def dump(reports: Sequence[Report], *, as_list: bool) -> str:
    """Reports as JSON text that ends with a newline.

    Args:
        reports: What was found; exactly one unless ``as_list``.
        as_list: An array, even of one report or none.

    Raises:
        ValueError: Not ``as_list``, and not exactly one report.
    """
    if not as_list and len(reports) != 1:
        raise ValueError(f"{len(reports)} reports make no single JSON object")
    values = [_finite(report.to_json()) for report in reports]
    return json.dumps(values if as_list else values[0], indent=2, allow_nan=False) + "\n"


def _finite(value: Any) -> Any:
    """The value with null for every number that JSON cannot write."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    return value
