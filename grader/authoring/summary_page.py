"""The outcomes of ``course validate`` as the Markdown that a CI system shows to reviewers.

What differs comes first and in full; then a line a lesson; then what was measured of the
reference solutions; all single outcomes are folded away at the end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from grader.authoring.outcome_table import summary
from grader.authoring.subjects import Outcome
from grader.report.clean import one_line
from grader.report.words import count, duration

_ROLES = ("right", "wrong", "cheat")


def to_markdown(outcomes: Sequence[Outcome]) -> str:
    """The page."""
    lines = [f"### course validate: {summary(outcomes)}", ""]
    differing = [outcome for outcome in outcomes if not outcome.ok]
    if differing:
        lines += [*_outcomes(differing), ""]
    lines += [*_lessons(outcomes), ""]
    for outcome in outcomes:
        lines += _measured(outcome)
    lines += ["<details><summary>All submissions</summary>", ""]
    lines += [*_outcomes(outcomes), "", "</details>"]
    return "\n".join(lines) + "\n"


def _lessons(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """A line a lesson: the solution's score, and how many of each role are as expected."""
    yield "| lesson | solution | right | wrong | cheats | grading |"
    yield "|---|---|---:|---:|---:|---:|"
    for lesson in sorted({outcome.lesson for outcome in outcomes}):
        own = [outcome for outcome in outcomes if outcome.lesson == lesson]
        solution = next((one.found for one in own if one.role == "solution"), "missing")
        spent = duration(sum(one.duration_s for one in own))
        cells = (lesson, solution, *(_share(own, role) for role in _ROLES), spent)
        yield _row(cells)


def _share(outcomes: Sequence[Outcome], role: str) -> str:
    """``12 of 12``, with what could not be judged on this machine."""
    states = Counter(outcome.state for outcome in outcomes if outcome.role == role)
    skipped = states.pop("skipped", 0)
    text = f"{states['ok']} of {states.total()}"
    return f"{text}, {skipped} skipped" if skipped else text


def _measured(outcome: Outcome) -> Iterator[str]:
    if outcome.measured:
        title = f"{outcome.lesson}: {count(len(outcome.measured), 'measurement')} of the solution"
        yield f"<details><summary>{title}</summary>"
        yield ""
        yield from (f"- {_cell(line)}" for line in outcome.measured)
        yield ""
        yield "</details>"
        yield ""


def _outcomes(outcomes: Sequence[Outcome]) -> Iterator[str]:
    yield "| result | lesson | submission | expected | found | time |"
    yield "|---|---|---|---|---|---:|"
    for outcome in outcomes:
        result = outcome.state if outcome.ok else f"**{outcome.state}**"
        submission = f"{outcome.role}: {outcome.file.rpartition('/')[2]}"
        spent = duration(outcome.duration_s)
        cells = (outcome.lesson, submission, outcome.expected, outcome.found, spent)
        yield f"| {result} {_row(cells)}"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(_cell(cell) for cell in cells) + " |"


def _cell(text: str) -> str:
    shown = one_line(text)
    for special in "\\|<":
        shown = shown.replace(special, f"\\{special}")
    return shown
