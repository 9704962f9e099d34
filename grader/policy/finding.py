"""What a rule finds in a submission, and how it is told."""

from __future__ import annotations

from dataclasses import dataclass

RULES = "docs/rules.md says what a submission may use."


@dataclass(frozen=True)
class Finding:
    """Something that a submission may not do.

    Attributes:
        kind: Stable name of the rule, e.g. ``"forbidden-import"``.
        line: Where, 1-based.
        what: What was found, as the file says it.
        why: Why that is not allowed, and what to do instead.
        at_import: Whether it runs when the file is imported, and so concerns every function.
        operation: The operation of torch whose permission would make it right, if there is one;
            then it matters only where a graded function comes to it.
    """

    kind: str
    line: int
    what: str
    why: str
    at_import: bool = False
    operation: str | None = None


@dataclass(frozen=True)
class Violation:
    """Why a graded function is refused.

    Attributes:
        kind: Stable name of the rule that is broken first.
        line: Where, 1-based; None where it is about the whole file.
        message: To the student: what, why, what to do instead, and in which other lines.
    """

    kind: str
    line: int | None
    message: str
