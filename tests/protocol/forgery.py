"""What a worker under a student's control might send instead of a frame of the protocol."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st


def json_values() -> st.SearchStrategy[Any]:
    """Any JSON value, with those numbers and names more often that mean something here."""
    leaves = (
        st.none()
        | st.booleans()
        | st.integers()
        | st.sampled_from([0, 1, 4, 64, 4096, 2**31, 2**61, 2**62, -1])
        | st.floats()
        | st.text(max_size=8)
        | st.sampled_from(["float32", "bfloat16", "bool", "input", "allocation", "cpu", "\ud800"])
    )
    names = st.text(max_size=4) | st.sampled_from(["tensor", "items", "value", "other"])
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
        max_leaves=8,
    )
