"""What a report has to say beyond its list of tests, told once for every form of it.

Whether one cause explains every test, whether anything was started, which cases differ, and
the line of the submission that a diagnosis points to.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from grader.report.clean import clean, one_line
from grader.report.words import WORDS, count, number
from grader.results import NO_MEMORY, Diagnosis, Report, Status, TestResult

LARGEST_SOURCE = 1_000_000  # bytes; what is larger is no exercise


@dataclass(frozen=True)
class CodeLine:
    """One line of the submission, cleaned."""

    number: int
    text: str


def same_cause(one: Diagnosis | None, other: Diagnosis | None) -> bool:
    """Whether two diagnoses say the same thing about the same line."""
    if one is None or other is None:
        return False
    return (one.kind, one.message, one.line) == (other.kind, other.message, other.line)


def same_place(one: Diagnosis | None, other: Diagnosis | None) -> bool:
    """Whether two diagnoses are one mistake: the same cause, or its kind in the same line.

    Their messages may differ in the elements and sizes that each test saw.
    """
    if one is None or other is None:
        return False
    in_one_line = one.line is not None and (one.kind, one.line) == (other.kind, other.line)
    return in_one_line or same_cause(one, other)


def nothing_started(report: Report) -> bool:
    """Whether the submission is still the skeleton, as far as it could be judged."""
    return {test.status for test in report.tests if test.status.is_judged} == {Status.NOT_STARTED}


def shared_cause(report: Report) -> Diagnosis | None:
    """The diagnosis that every judged test has: a file that cannot be imported or is refused.

    None when tests differ, when there is but one test, or when nothing was started.
    """
    judged = [test for test in report.tests if test.status.is_judged]
    if len(judged) < 2 or nothing_started(report):
        return None
    first = judged[0].diagnosis
    return first if all(same_cause(first, test.diagnosis) for test in judged) else None


def cases_sentence(test: TestResult, most: int = 4) -> str | None:
    """Which cases of a test are not passed: ``3 of 7 cases failed: n=1025, n=1, n=7``."""
    if len(test.cases) < 2:
        return None
    like = [case for case in test.cases if case.status is test.status]
    word = WORDS[test.status].text
    others = Counter(
        WORDS[case.status].text
        for case in test.cases
        if case.status not in (test.status, Status.PASSED)
    )
    rest = "".join(f", {many} {other}" for other, many in others.items())
    if len(like) == len(test.cases):
        many = "both cases" if len(like) == 2 else f"all {len(like)} cases"
        return f"{many} {word}"
    names = ", ".join(one_line(case.id, 40) for case in like[:most])
    more = f" and {len(like) - most} more" if len(like) > most else ""
    return f"{len(like)} of {count(len(test.cases), 'case')} {word}{rest}: {names}{more}"


def further_diagnoses(test: TestResult, most: int = 2) -> list[tuple[str, Diagnosis]]:
    """Mistakes of another kind in the test's other cases: (case id, diagnosis), one a kind."""
    known = {test.diagnosis.kind} if test.diagnosis else set()
    found: list[tuple[str, Diagnosis]] = []
    for case in test.cases:
        told = case.diagnosis
        if case.status is Status.DEFERRED or told is None or told.kind in known:
            continue
        known.add(told.kind)
        found.append((one_line(case.id, 40), told))
    return found[:most]


def hint_of(test: TestResult) -> str | None:
    """The nudge that helps with a test; none where the student has nothing to mend."""
    return test.diagnosis.hint if test.diagnosis and test.status.is_judged else None


def score_sentence(report: Report) -> str:
    """``12/12 judged now, 6 deferred (needs a GPU)``."""
    judged = report.max_score - report.deferred_points
    pending: Counter[Status] = Counter()
    for test in report.tests:
        if not test.status.is_judged:
            pending[test.status] += 1
    if not pending:
        return f"{number(report.score)}/{number(report.max_score)}"
    missing = {test.diagnosis.kind for test in report.tests if test.diagnosis is not None}
    needs_gpu = report.device.kind == "cpu" and NO_MEMORY not in missing
    reasons = {
        Status.DEFERRED: "deferred (needs a GPU)" if needs_gpu else "deferred",
        Status.INCONCLUSIVE: "inconclusive (run again)",
        Status.GRADER_ERROR: "not judged (grader error)",
    }
    parts = [f"{number(report.score)}/{number(judged)} judged now"]
    for status in pending:
        waiting = sum(test.deferred_points for test in report.tests if test.status is status)
        parts.append(f"{number(waiting)} {reasons[status]}")
    return ", ".join(parts)


def source(report: Report) -> list[str]:
    """The submission's lines as they are now, cleaned; empty if they cannot be read."""
    path = Path(report.file)
    try:
        if path.stat().st_size > LARGEST_SOURCE:
            return []
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    # Not splitlines(): it also splits at form feeds, which Python's line numbers do not count.
    lines = [clean(line, 400) for line in re.split(r"\r\n|\r|\n", text)]
    return lines if lines[-1] else lines[:-1]


def excerpt(lines: list[str], line: int | None, around: int = 0) -> list[CodeLine]:
    """The line that a diagnosis points to, with ``around`` lines before and after it."""
    if line is None or not 1 <= line <= len(lines):
        return []
    first, last = max(1, line - around), min(len(lines), line + around)
    return [CodeLine(at, lines[at - 1]) for at in range(first, last + 1)]


def first_todo(lines: list[str]) -> CodeLine | None:
    """The first comment of the submission that starts with TODO."""
    for at, line in enumerate(lines, 1):
        if re.match(r"\s*#+\s*TODO\b", line):
            return CodeLine(at, line.strip())
    return None
