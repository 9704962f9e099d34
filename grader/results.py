"""What grading says: a status per test, its diagnosis, and the report of one lesson.

Plain frozen data, no torch, no I/O. The JSON form is a contract that others script against:
names may be added, never renamed or removed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from grader.errors import ExitCode


class Status(StrEnum):
    """The verdict on a test or on one of its cases."""

    PASSED = "passed"
    FAILED = "failed"
    SLOW = "slow"
    INCONCLUSIVE = "inconclusive"
    REFUSED = "refused"
    NOT_STARTED = "not_started"
    CRASHED = "crashed"
    TIMED_OUT = "timed_out"
    DEFERRED = "deferred"
    GRADER_ERROR = "grader_error"

    @property
    def is_judged(self) -> bool:
        """Whether the grader reached a verdict; if not, the points are pending, never lost."""
        return self not in _UNJUDGED


_UNJUDGED = frozenset({Status.INCONCLUSIVE, Status.DEFERRED, Status.GRADER_ERROR})

_HINTED = frozenset({Status.FAILED, Status.SLOW, Status.NOT_STARTED})

# Which case speaks for its test when cases differ: the first of these that occurs.
# A student's failure outranks what could not be judged: no outcome of the pending
# cases could give the points back.
_PRECEDENCE = (
    Status.REFUSED,
    Status.NOT_STARTED,
    Status.CRASHED,
    Status.TIMED_OUT,
    Status.FAILED,
    Status.GRADER_ERROR,
    Status.DEFERRED,
    Status.INCONCLUSIVE,
    Status.SLOW,
    Status.PASSED,
)


# Kind of the diagnosis where a machine has too little memory to judge.
NO_MEMORY = "no-memory"


@dataclass(frozen=True)
class Diagnosis:
    """Why a test is not passed.

    Attributes:
        kind: Stable machine-readable name, e.g. ``"missing-store-mask"``.
        message: One or two sentences to the student: what is wrong and where in the data.
        line: Line of the submission, 1-based, where it can be known.
        hint: The first step of the lesson's hints for this test.
    """

    kind: str
    message: str
    line: int | None = None
    hint: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The contract's form of a diagnosis."""
        return {"kind": self.kind, "message": self.message, "line": self.line, "hint": self.hint}


@dataclass(frozen=True)
class CaseResult:
    """The verdict on one case (one parameter set) of a test.

    Attributes:
        id: The parameter set as pytest names it, ``""`` for a test without parameters.
        status: The verdict.
        diagnosis: Why, when it is not passed.
        share: Part of the points that the case earns, 0 to 1; between them only for speed.
        duration_s: Wall time in seconds.
        timing: Speed measurement, if the case made one.
        traffic: Bytes moved against the minimum, if the case counted them.
        kernels: What compiling the launched kernels for GPU targets gave, if it was done.
    """

    id: str
    status: Status
    diagnosis: Diagnosis | None = None
    share: float = 0.0
    duration_s: float = 0.0
    timing: dict[str, Any] | None = None
    traffic: dict[str, Any] | None = None
    kernels: Sequence[dict[str, Any]] = ()

    def to_json(self) -> dict[str, Any]:
        """The contract's form of a case."""
        return {
            "id": self.id,
            "status": self.status.value,
            "diagnosis": self.diagnosis.to_json() if self.diagnosis else None,
            "duration_s": round(self.duration_s, 4),
        }


@dataclass(frozen=True)
class TestResult:
    """The verdict on one graded test: all or none over its cases (speed gives a share).

    ``file`` is the name of the lesson's file that holds it.
    """

    __test__ = False  # not a test class, whatever pytest thinks of the name

    id: str
    title: str
    max_points: float
    cases: tuple[CaseResult, ...]
    hint: str | None = None
    file: str = ""

    @property
    def is_challenge(self) -> bool:
        """Whether it earns a badge instead of points."""
        return self.max_points == 0

    @property
    def deciding(self) -> CaseResult:
        """The case that speaks for the test."""
        return min(self.cases, key=lambda case: _PRECEDENCE.index(case.status))

    @property
    def status(self) -> Status:
        """The test's verdict."""
        return self.deciding.status

    @property
    def points(self) -> float:
        """Points earned, rounded to a hundredth."""
        if self.status not in (Status.PASSED, Status.SLOW):
            return 0.0
        return round(self.max_points * min(case.share for case in self.cases), 2)

    @property
    def deferred_points(self) -> float:
        """Points that nobody has judged yet."""
        return 0.0 if self.status.is_judged else self.max_points

    @property
    def diagnosis(self) -> Diagnosis | None:
        """The deciding case's diagnosis, with the test's own hint where one can help.

        What a hint says of a kernel's idea is beside the point when the process died.
        """
        found = self.deciding.diagnosis
        if found is None or found.hint is not None or self.status not in _HINTED:
            return found
        return Diagnosis(found.kind, found.message, found.line, self.hint)

    @property
    def timing(self) -> dict[str, Any] | None:
        """The speed measurement, if one was made."""
        return self._first("timing")

    @property
    def traffic(self) -> dict[str, Any] | None:
        """Bytes moved against the minimum, if they were counted."""
        return self._first("traffic")

    def _first(self, name: str) -> dict[str, Any] | None:
        values = (getattr(case, name) for case in (self.deciding, *self.cases))
        return next((value for value in values if value is not None), None)

    def to_json(self) -> dict[str, Any]:
        """The contract's form of a test."""
        return {
            "id": self.id,
            "title": self.title,
            "status": self.status.value,
            "points": self.points,
            "max_points": self.max_points,
            "deferred_points": self.deferred_points,
            "diagnosis": self.diagnosis.to_json() if self.diagnosis else None,
            "cases": [case.to_json() for case in self.cases],
            "timing": self.timing,
            "traffic": self.traffic,
        }


@dataclass(frozen=True)
class Device:
    """What the student's kernels ran on.

    Attributes:
        kind: ``"gpu"`` (compiled) or ``"cpu"`` (interpreted).
        name: The GPU's marketing name, or ``"interpreter"``.
        details: Driver, compute capability, versions: whatever an appeal would ask for.
    """

    kind: str
    name: str
    details: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The contract's form of a device."""
        return {"kind": self.kind, "name": self.name, **self.details}


# What makes one compiled kernel another than the next.
_SPECIALISATION = ("kernel", "target", "arguments", "configuration")


@dataclass(frozen=True)
class Report:
    """One grading run of one submission to one lesson."""

    lesson: str
    title: str
    file: str
    device: Device
    sandbox: str
    seed: str
    duration_s: float
    tests: tuple[TestResult, ...]

    @property
    def score(self) -> float:
        """Points earned."""
        return round(sum(test.points for test in self.tests), 2)

    @property
    def max_score(self) -> float:
        """Points of all tests that ran."""
        return round(sum(test.max_points for test in self.tests), 2)

    @property
    def badges(self) -> tuple[TestResult, ...]:
        """The challenges that were met."""
        return tuple(
            test for test in self.tests if test.is_challenge and test.status is Status.PASSED
        )

    @property
    def deferred_points(self) -> float:
        """Points that wait for a GPU, a second measurement or a repaired grader."""
        return round(sum(test.deferred_points for test in self.tests), 2)

    @property
    def kernels(self) -> list[dict[str, Any]]:
        """What compiling gave, each kernel with each specialisation and target once."""
        seen: dict[str, dict[str, Any]] = {}
        for test in self.tests:
            for case in test.cases:
                for kernel in case.kernels:
                    key = repr([kernel.get(name) for name in _SPECIALISATION])
                    seen.setdefault(key, kernel)
        return list(seen.values())

    @property
    def exit_code(self) -> ExitCode:
        """3 when something could not be judged, else 1 when points were lost, else 0."""
        statuses = {test.status for test in self.tests if not test.is_challenge}
        if statuses & {Status.GRADER_ERROR, Status.INCONCLUSIVE}:
            return ExitCode.NOT_JUDGED
        lost = self.score + self.deferred_points < self.max_score
        return ExitCode.POINTS_LOST if lost else ExitCode.OK

    def to_json(self) -> dict[str, Any]:
        """The contract's form of a report."""
        return {
            "lesson": self.lesson,
            "title": self.title,
            "file": self.file,
            "score": self.score,
            "max_score": self.max_score,
            "deferred_points": self.deferred_points,
            "badges": [test.id for test in self.badges],
            "device": self.device.to_json(),
            "sandbox": self.sandbox,
            "seed": self.seed,
            "duration_s": round(self.duration_s, 3),
            "tests": [test.to_json() for test in self.tests],
            "kernels": self.kernels,
        }


def worst_exit_code(codes: Iterable[ExitCode]) -> ExitCode:
    """The exit code of a command that graded several lessons."""
    return max(codes, default=ExitCode.OK)
