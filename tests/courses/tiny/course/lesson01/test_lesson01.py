"""The graded tests of the tiny lesson: as few cases as still show how grading works."""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING

from grader.testing import cases, hint, points

if TYPE_CHECKING:
    from grader.judge.check import Check
    from grader.judge.submission import Submission
    from grader.protocol.data import Data


@points(2)
@hint("mask")
@cases("n", cpu=[37, 64])
def test_double(
    submission: Submission, check: Check, data: Data, reference: ModuleType, n: int
) -> None:
    """Doubles vectors."""
    x = data.normal(n)
    check(submission.double(x), expected=reference.double(x), exact=True)


@points(1)
def test_double_matrix(
    submission: Submission, check: Check, data: Data, reference: ModuleType
) -> None:
    """Doubles matrices."""
    x = data.normal(3, 5)
    check(submission.double(x), expected=reference.double(x), exact=True)


@points(1)
def test_negate(submission: Submission, check: Check, data: Data, reference: ModuleType) -> None:
    """Negates vectors."""
    x = data.normal(20)
    check(submission.negate(x), expected=reference.negate(x), exact=True)


@points(3)
@cases("n", cpu=[], gpu=[1 << 20])
def test_double_large(
    submission: Submission, check: Check, data: Data, reference: ModuleType, n: int
) -> None:
    """Doubles a million elements."""
    x = data.normal(n)
    check(submission.double(x), expected=reference.double(x), exact=True)
