"""The page that students read says what the rules are."""

from __future__ import annotations

import re
from pathlib import Path

from grader.policy import LONGEST_TEXT, allowed

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "rules.md").read_text()


def test_it_names_every_module_that_may_be_imported() -> None:
    words = set(re.findall(r"\w+", PAGE))
    below = {name for name in allowed.IMPORTS if name.count(".")}
    assert {name for name in allowed.IMPORTS - below if name not in words} == set()


def test_it_names_every_kind_of_refusal_and_no_other() -> None:
    sources = "".join(path.read_text() for path in (ROOT / "grader" / "policy").glob("*.py"))
    kinds = set(re.findall(r'(?:Verdict|Violation|_finding)\(\s*"([a-z-]+)"', sources))
    told = {kind for row in re.findall(r"^\| (`.*?) \|", PAGE, re.M) for kind in row.split(", ")}
    assert {kind.strip("`") for kind in told} == kinds


def test_what_it_says_of_torch_is_allowed() -> None:
    section = PAGE.split("What makes, arranges")[1].split("What computes")[0]
    named = {name.removesuffix("_") for name in re.findall(r"`(\w+)`", section)}
    assert named - allowed.TORCH == set()


def test_it_names_the_longest_file() -> None:
    assert f"{LONGEST_TEXT:,} characters" in PAGE
