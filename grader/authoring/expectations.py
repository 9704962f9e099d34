"""What a kept submission promises about itself in its header.

A submission under ``tests/submissions`` says which verdict it must get::

    # expect: failed test_any_length missing-store-mask
    # expect: crashed test_far_apart illegal-memory-access gpu
    # lessons: 01 03

``expect`` takes a status, a test (``*`` for every test), the kind of the diagnosis and, if it
holds on one of them only, ``cpu`` or ``gpu``; kinds that will do equally are joined by ``|``.
``# expect: passed`` stands for full marks of all that the machine can judge. ``lessons``,
``attacks`` and ``unpoliced`` are for cheats, see ``grader.authoring.cheats``.
Owns the reading of these lines and the comparison with a report; grades nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.errors import GraderError
from grader.results import Report, Status, TestResult

EVERY_TEST = "*"
TIERS = ("cpu", "gpu")
_KEYS = ("expect", "unpoliced", "lessons", "attacks", "needs-sandbox")
_LINE = re.compile(
    r"#\s*(?P<key>expect\w*|unpoliced|lessons?|attacks?|needs-sandbox)\s*:\s*(?P<value>.*)",
    re.IGNORECASE,
)
_NEEDS_KIND = frozenset({Status.FAILED, Status.REFUSED, Status.CRASHED, Status.TIMED_OUT})
_FORM = "# expect: STATUS [TEST [KIND]] [cpu|gpu]"


class ExpectationError(GraderError):
    """The header of a kept submission does not say what is expected of it."""


@dataclass(frozen=True)
class Expectation:
    """One ``# expect:`` line.

    Attributes:
        status: The verdict that the test must get.
        test: Its name, or ``*`` for every test.
        kind: Kind of the diagnosis; None if any will do.
        tier: ``"cpu"`` or ``"gpu"`` if the line holds only there, else None.
        line: Where it stands, 1-based.
    """

    status: Status
    test: str
    kind: str | None
    tier: str | None
    line: int

    def __str__(self) -> str:
        parts = (self.status.value, "" if self.test == EVERY_TEST else self.test, self.kind or "")
        return " ".join(part for part in parts if part)

    def holds_on(self, tier: str) -> bool:
        """Whether the line is about that kind of device."""
        return self.tier in (None, tier)


@dataclass(frozen=True)
class Header:
    """All that a kept submission says about itself.

    Attributes:
        expectations: Its ``expect`` lines, at least one.
        lessons: Names of the lessons to try it on; empty if its folder says so.
        unpoliced: What is expected of a cheat with the policy switched off; the same if empty.
        attacks: The tests that a cheat is tried on, if no line above names them.
        needs_sandbox: Whether a cheat may only run where it cannot reach what is not its own.
    """

    expectations: tuple[Expectation, ...]
    lessons: tuple[str, ...]
    unpoliced: tuple[Expectation, ...] = ()
    attacks: tuple[str, ...] = ()
    needs_sandbox: bool = False

    @property
    def tests(self) -> tuple[str, ...]:
        """The tests that must be graded to see the verdict; empty for all of them."""
        names = [expectation.test for expectation in self.expectations]
        return () if EVERY_TEST in names else tuple(dict.fromkeys(names))


def read_header(path: Path, tests: Iterable[str] | None = None) -> Header:
    """The header of a kept submission.

    Args:
        path: The submission.
        tests: Names of the graded tests it may speak of; None checks no names.

    Raises:
        ExpectationError: A line cannot be understood, or there is none; names file and line.
    """
    lines: dict[str, list[Expectation]] = {"expect": [], "unpoliced": []}
    words: dict[str, list[str]] = {"lessons": [], "attacks": [], "needs-sandbox": []}
    known = None if tests is None else set(tests)
    text = path.read_text(encoding="utf-8", errors="replace")
    for at, line in enumerate(text.split("\n"), 1):
        found = _LINE.fullmatch(line.rstrip())
        if found is None:
            continue
        place = f"{path}:{at}"
        key, value = found["key"], found["value"]
        if key not in _KEYS:
            raise ExpectationError(f"{place}: {line.strip()!r} is not understood. Write {_FORM}.")
        if key in lines:
            lines[key].append(_expectation(place, value, at, known))
        else:
            words[key] += _lessons(place, value) if key == "lessons" else value.split()
    if not lines["expect"]:
        raise ExpectationError(f"{path}: no line says what is expected. Write {_FORM}.")
    return Header(
        tuple(lines["expect"]),
        tuple(words["lessons"]),
        tuple(lines["unpoliced"]),
        tuple(words["attacks"]),
        bool(words["needs-sandbox"]),
    )


def differences(expectations: Sequence[Expectation], report: Report) -> list[str]:
    """What a report says other than expected; empty if it is as expected.

    Expectations for the other kind of device are left out.
    """
    found: list[str] = []
    for expectation in expectations:
        if expectation.holds_on(report.device.kind):
            found += _difference(expectation, report)
    return found


def _expectation(place: str, value: str, line: int, known: set[str] | None) -> Expectation:
    words = value.split()
    tier = words.pop() if words and words[-1] in TIERS else None
    if not words:
        raise ExpectationError(f"{place}: the status is missing. Write {_FORM}.")
    try:
        status = Status(words[0])
    except ValueError:
        raise ExpectationError(
            f"{place}: there is no status {words[0]!r}; there are {', '.join(Status)}."
        ) from None
    test = words[1] if len(words) > 1 else EVERY_TEST
    kind = words[2] if len(words) > 2 else None
    if len(words) > 3:
        raise ExpectationError(f"{place}: {' '.join(words[3:])!r} is too much. Write {_FORM}.")
    if known is not None and test != EVERY_TEST and test not in known:
        raise ExpectationError(
            f"{place}: the lesson has no graded test {test!r}; it has {', '.join(sorted(known))}."
        )
    if kind is None and status in _NEEDS_KIND:
        raise ExpectationError(
            f"{place}: {status} needs a test (or *) and the kind of its diagnosis: without the "
            f"kind a wrong reason would do. Write {_FORM}."
        )
    return Expectation(status, test, kind, tier, line)


def _lessons(place: str, value: str) -> list[str]:
    names = value.replace(",", " ").split()
    wrong = [name for name in names if not re.fullmatch(r"(lesson)?\d{2}", name)]
    if wrong or not names:
        told = repr(wrong[0]) if wrong else "nothing"
        raise ExpectationError(f"{place}: {told} is no lesson. Write # lessons: 01 03.")
    return [name if name.startswith("lesson") else f"lesson{name}" for name in names]


def _difference(expectation: Expectation, report: Report) -> list[str]:
    if expectation.test == EVERY_TEST:
        judged = [test for test in report.tests if test.status is not Status.DEFERRED]
        if not judged:
            return ["nothing could be judged on this machine"]
    else:
        judged = [test for test in report.tests if test.id == expectation.test]
        if not judged:
            return [f"{expectation.test} was not graded"]
    return [verdict(test) for test in judged if not fulfils(expectation, test)]


def fulfils(expectation: Expectation, test: TestResult) -> bool:
    """Whether a test got the status, and one of the kinds, that a line expects."""
    if test.status is not expectation.status:
        return False
    kind = test.diagnosis.kind if test.diagnosis else None
    return expectation.kind is None or kind in expectation.kind.split("|")


def verdict(test: TestResult) -> str:
    """A test's verdict as an ``expect`` line would say it."""
    kind = f" {test.diagnosis.kind}" if test.diagnosis else ""
    return f"{test.status.value} {test.id}{kind}"
