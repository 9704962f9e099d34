"""The names that torch has for one and the same operation.

A lesson that allows one of them allows all: ``x.clamp_min(1)`` is ``x.clamp(min=1)``.
"""

from __future__ import annotations

from collections.abc import Iterable

_SAME = tuple(
    frozenset(line.split())
    for line in (
        "abs absolute",
        "clamp clamp_max clamp_min clip",
        "div divide true_divide",
        "ge greater_equal",
        "gt greater",
        "le less_equal",
        "lt less",
        "mul multiply",
        "ne not_equal",
        "neg negative",
        "sub subtract",
    )
)


def all_spellings(names: Iterable[str]) -> frozenset[str]:
    """These operations, by every name that torch has for them."""
    given = frozenset(names)
    return given.union(*(same for same in _SAME if same & given))
