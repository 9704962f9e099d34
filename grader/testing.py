"""What the tests of a lesson import: markers, the ways to end a case, models of mistakes.

Owns the vocabulary of ``course/lessonNN/test_*.py``. Knows nothing of workers or
reports: ``grader.plugin`` reads the markers and catches the exceptions.

A graded test is an ordinary pytest test. Its docstring's first line is the title that
students read, its name is the id under which the points are recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import pytest

from grader.results import Diagnosis, Status

if TYPE_CHECKING:
    import torch


class Judged(Exception):
    """Ends a case with a verdict other than passed.

    Not an ``AssertionError``: a failing ``assert`` in a test is a bug of the lesson and must
    not cost a student points.
    """

    def __init__(
        self,
        status: Status,
        diagnosis: Diagnosis,
        *,
        share: float = 0.0,
        timing: dict[str, Any] | None = None,
        traffic: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{status}: {diagnosis.message}")
        self.status = status
        self.diagnosis = diagnosis
        self.share = share
        self.timing = timing
        self.traffic = traffic


def fail(kind: str, message: str, line: int | None = None) -> NoReturn:
    """End the case as ``failed``.

    Args:
        kind: Stable name of the mistake, e.g. ``"wrong-value"``.
        message: To the student: what is wrong, where, what was expected.
        line: Line of the submission, where it is known.
    """
    raise Judged(Status.FAILED, Diagnosis(kind, message, line))


def refuse(kind: str, message: str, line: int | None = None) -> NoReturn:
    """End the case as ``refused``: the result is not the work of the submission's kernels.

    Args:
        kind: What it is instead: small letters, digits and hyphens.
        message: What was seen, to the student; cut to 800 characters.
        line: The line of the submission that did it, where it is known.
    """
    raise Judged(Status.REFUSED, Diagnosis(kind, message[:800], line))


def defer(message: str, kind: str = "needs-gpu") -> NoReturn:
    """End the case as ``deferred``: this machine cannot judge it, no points are lost.

    Args:
        message: Why, and what to do.
        kind: What is missing: ``"needs-gpu"`` or ``grader.results.NO_MEMORY``.
    """
    raise Judged(Status.DEFERRED, Diagnosis(kind, message))


@dataclass(frozen=True)
class Mistake:
    """A known wrong way to compute the answer, recognised by the result that it gives.

    Attributes:
        kind: Diagnosis kind when the submission's output equals ``expected``.
        message: What the student did, and what is asked instead.
        expected: What the mistake yields, or a function that computes it; called only
            after a mismatch, so a model of a mistake costs a right submission nothing.
        everywhere: The result must be the mistake's in every element, not only where it is
            wrong: of a random mask half agrees with any other.
    """

    kind: str
    message: str
    expected: torch.Tensor | Callable[[], torch.Tensor]
    everywhere: bool = False

    def output(self) -> torch.Tensor:
        """The tensor that this mistake yields."""
        return self.expected() if callable(self.expected) else self.expected


@dataclass(frozen=True)
class Output:
    """What one returned tensor must be.

    Attributes:
        name: Its name in messages to students; empty if it is the only one.
        expected: The right values; float64 for a tolerance, or the output's dtype. ``None``
            where nothing may be returned, as for an input without a gradient.
        exact: Ask for equality of every element.
        error: What the computation may lose before the final rounding: a number or a float64
            tensor with a value for each element.
        dtype: The dtype that it must have; that of ``expected`` if left out.
        mistakes: Known wrong results, so that the diagnosis can name the mistake.
    """

    name: str
    expected: torch.Tensor | None
    exact: bool = False
    error: torch.Tensor | float = 0.0
    dtype: torch.dtype | None = None
    mistakes: Sequence[Mistake] = ()


Test = TypeVar("Test", bound=Callable[..., None])


def points(value: float) -> pytest.MarkDecorator:
    """What a test is worth; all or none over its cases."""
    if value <= 0:
        raise ValueError(f"points({value}): a graded test is worth more than nothing")
    return pytest.mark.points(float(value))


def challenge(test: Test) -> Test:
    """Marks a test beyond what is asked: it earns a badge instead of points, and costs none."""
    marked: Test = pytest.mark.points(0.0)(test)
    return marked


def hint(section: str) -> pytest.MarkDecorator:
    """The section of the lesson's ``hints.md`` that helps with this test."""
    return pytest.mark.hint(section)


def cases(
    names: str, *, cpu: Sequence[Any] = (), gpu: Sequence[Any] | None = None
) -> pytest.MarkDecorator:
    """Parametrise a test with sizes for each tier.

    Args:
        names: Parameter names, comma-separated, as for ``pytest.mark.parametrize``.
        cpu: Values for the interpreter: at most about 300 programs a case. Empty means
            that only a GPU can judge the test.
        gpu: Values for a GPU; left out, those of ``cpu``.
    """
    return pytest.mark.cases(names, tuple(cpu), tuple(cpu if gpu is None else gpu))
