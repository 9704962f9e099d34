"""Static rules on a submission: a verdict with line and reason, from the text alone.

It says early, and in words, what a submission may not use; nothing that is worth points rests
on it. Runs nothing of the submission, and imports no torch.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from functools import lru_cache

from grader.lesson import Function
from grader.policy import allowed
from grader.policy.analysis import Analysis
from grader.policy.finding import RULES, Finding, Violation
from grader.policy.spellings import all_spellings

__all__ = ["LONGEST_TEXT", "Violation", "too_long", "violation"]

# Characters; five times the longest solution. Reading more would keep the judge busy for long.
LONGEST_TEXT = 200_000

_MOST_OTHERS = 5


def violation(text: str, function: Function, imports: tuple[str, ...] = ()) -> Violation | None:
    """The first rule that what a graded function needs breaks; None if it breaks none.

    Args:
        text: The submission, Python without a syntax error.
        function: The graded function: its name, its kernels, what it may use of torch.
        imports: Modules that the lesson allows beyond those that every submission may import.
    """
    if len(text) > LONGEST_TEXT:
        return too_long(len(text))
    analysis = _analysis(text, imports, function.differentiated)
    if analysis is None:
        message = "The file is nested too deep to be read. Write it in shorter expressions."
        return Violation("unreadable", None, message)
    operations = allowed.TORCH | all_spellings(name.removesuffix("_") for name in function.torch)
    found = analysis.of((function.name, *function.required_kernels), operations)
    return _violation(found) if found else None


def too_long(length: int) -> Violation:
    """The refusal of a text that nobody could have written by hand."""
    message = (
        f"The file has {length:,} characters; a submission may have {LONGEST_TEXT:,}. "
        "Leave data and generated code out."
    )
    return Violation("too-long", None, message)


def _violation(found: Sequence[Finding]) -> Violation:
    first = found[0]
    others = dict.fromkeys((each.line, each.what) for each in found[1:])
    others.pop((first.line, first.what), None)
    also = ", ".join(f"{what} in line {line}" for line, what in list(others)[:_MOST_OTHERS])
    if len(others) > _MOST_OTHERS:
        also += f", and {len(others) - _MOST_OTHERS} more"
    told = f"{first.what}: {first.why}" + (f" Also not allowed: {also}." if also else "")
    return Violation(first.kind, first.line, f"{told} {RULES}")


@lru_cache(maxsize=16)  # asked once a call into the submission, with the same text
def _analysis(text: str, imports: tuple[str, ...], with_backward: bool) -> Analysis | None:
    try:
        return Analysis(ast.parse(text), imports, with_backward)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
