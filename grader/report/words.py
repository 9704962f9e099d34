"""The words and marks of a verdict, the same in the terminal, HTML and JUnit.

A verdict is always readable without colour: a word, and a mark of its own shape.
"""

from __future__ import annotations

from dataclasses import dataclass

from grader.results import Status, TestResult


@dataclass(frozen=True)
class Word:
    """How a status is shown.

    Attributes:
        text: The word that students read.
        mark: One cell wide, for terminals that have Unicode.
        plain: One ASCII character in place of ``mark``.
        style: Colour in the terminal; never the only difference.
        tone: Family of statuses that look alike in HTML: good, bad, part, wait, start, fault.
    """

    text: str
    mark: str
    plain: str
    style: str
    tone: str


WORDS: dict[Status, Word] = {
    Status.PASSED: Word("passed", "✓", "+", "green", "good"),
    Status.FAILED: Word("failed", "✗", "x", "red", "bad"),
    Status.SLOW: Word("slow", "◑", "~", "yellow", "part"),
    Status.INCONCLUSIVE: Word("inconclusive", "?", "?", "magenta", "wait"),
    Status.REFUSED: Word("refused", "⊘", "#", "red", "bad"),
    Status.NOT_STARTED: Word("not started", "○", ".", "cyan", "start"),
    Status.CRASHED: Word("crashed", "✗", "x", "red", "bad"),
    Status.TIMED_OUT: Word("timed out", "✗", "x", "red", "bad"),
    Status.DEFERRED: Word("deferred", "-", "-", "blue", "wait"),
    Status.GRADER_ERROR: Word("grader error", "!", "!", "magenta", "fault"),
}

WIDEST_WORD = max(len(word.text) for word in WORDS.values())


def worth(max_points: float, earned: float | None, *, badge: bool = False) -> str:
    """``2/3``; a dash for points that nobody has judged; ``badge`` where a badge was won.

    Args:
        max_points: What a test is worth; 0 for a challenge.
        earned: Points earned, None if nobody knows.
        badge: Whether the challenge was met.
    """
    if max_points == 0:
        return "badge" if badge else "(badge)"
    return f"{'-' if earned is None else number(earned)}/{number(max_points)}"


def points(test: TestResult) -> str:
    """What a test earned of what it is worth."""
    earned = test.points if test.status.is_judged else None
    return worth(test.max_points, earned, badge=test.status is Status.PASSED)


def number(value: float) -> str:
    """Points or counts as a person writes them: ``2``, ``1.5``, ``0.67``."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def duration(seconds: float) -> str:
    """A duration as a person says it: ``0.4 s``, ``12 s``, ``3 min 05 s``."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s"


def count(number_of: int, noun: str) -> str:
    """``1 case``, ``7 cases``."""
    return f"{number_of} {noun}" if number_of == 1 else f"{number_of} {noun}s"
