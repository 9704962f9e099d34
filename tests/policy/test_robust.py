"""Whatever the text is, there is an answer, and soon."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.policy import LONGEST_TEXT, violation
from tests.policy.texts import FUNCTION, HEADER, judged, kind

_EXPRESSIONS = st.recursive(
    st.sampled_from(
        ["x", "torch", "torch.mm", "getattr", "exec", "1", "'mm'", "tl", "__name__", "self", "os"]
    ),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["mm", "__class__", "x", "cuda"])).map(
            lambda pair: f"({pair[0]}).{pair[1]}"
        ),
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]})({pair[1]})"),
        st.tuples(inner, inner).map(lambda pair: f"getattr({pair[0]}, {pair[1]})"),
        st.tuples(inner, inner).map(lambda pair: f"[{pair[0]} for torch in [{pair[1]}]]"),
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]} if x else {pair[1]})"),
        inner.map(lambda part: f"(t := {part})"),
        inner.map(lambda part: f"(lambda y={part}: {part})()"),
        inner.map(lambda part: f"f'{{{part}}}'" if "'" not in part else part),
        inner.map(lambda part: f"({part}) @ x"),
    ),
    max_leaves=8,
)
_STATEMENTS = st.one_of(
    _EXPRESSIONS,
    st.tuples(st.sampled_from(["t", "torch", "x.y", "t[0]", "x, *y"]), _EXPRESSIONS).map(
        lambda pair: f"{pair[0]} = {pair[1]}"
    ),
    st.sampled_from(
        ["global torch", "import os", "from torch import *", "del torch", "pass", "import torch.nn"]
    ),
    _EXPRESSIONS.map(lambda part: f"match {part}:\n    case [x, *torch]:\n        pass"),
    _EXPRESSIONS.map(lambda part: f"class torch({part}):\n    t = torch"),
    _EXPRESSIONS.map(lambda part: f"@{part}\ndef double(torch={part}):\n    return {part}"),
)


@given(st.lists(_STATEMENTS, max_size=6))
@settings(max_examples=60, deadline=None)
def test_any_program_gets_an_answer(statements: list[str]) -> None:
    text = "\n".join(statements)
    try:
        ast.parse(text)
    except SyntaxError:
        return
    assert violation(text, FUNCTION) == violation(text, FUNCTION)
    judged(text)


@given(st.text(max_size=200))
@settings(max_examples=100, deadline=None)
def test_any_text_gets_an_answer(text: str) -> None:
    violation(text, FUNCTION)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 5000 + ")" * 5000,
        "x" + ".y" * 50_000,
        "x = " + "-" * 50_000 + "1",
        "x = " + "1 + " * 50_000 + "1",
        "f" + "()" * 50_000,
        "\n".join(f"{' ' * n}if x:" for n in range(95)) + "\n" + " " * 95 + "pass",
        "x = torch" + ".Tensor" * 900 + "\nx.y = 1",
        "\n".join(f"a{n + 1} = a{n}" for n in range(3_000)) + "\na3000.x = 1",
        "a = a or a\n" * 1_000 + "a.x = 1\n" * 1_000,
        "x = [" + "torch.mm, " * 10_000 + "]",
        "try:\n    x\nexcept A:\n    pass\n" * 2_000,
        "\0",
    ],
    ids=range(12),
)
def test_a_monster_gets_an_answer(text: str) -> None:
    violation(text, FUNCTION)


def test_a_file_of_megabytes_is_refused_unread() -> None:
    found = violation("(" * 10_000_000, FUNCTION)
    assert found is not None
    assert (found.kind, found.line) == ("too-long", None)
    assert f"{LONGEST_TEXT:,}" in found.message


def test_the_longest_file_is_read() -> None:
    line = "# A line that says something about the lines that follow it.\n"
    text = HEADER + line * ((LONGEST_TEXT - len(HEADER)) // len(line))
    assert violation(text, FUNCTION) is None


def test_what_is_nested_too_deep_to_be_read_is_refused() -> None:
    assert kind(judged("x = " + "-" * 100_000 + "1")) == "unreadable"
