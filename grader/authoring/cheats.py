"""Cheats: how one trick becomes a whole submission of each lesson, and what it must not earn.

A file under ``tests/submissions/cheats`` holds a trick and nothing else::

    # lessons: 01 03 05
    # based-on: hollow
    # expect: refused * forbidden-import
    # unpoliced: failed * wrong-value|kernel-not-launched

Under it lies the solution, or ``hollow/lessonNN.py``: the lesson with nothing honest in it. If
the trick defines ``attack(function, name)``, each graded function is replaced by what that
returns. ``expect`` tells the verdict as students get it, ``unpoliced`` the one with the policy
switched off, where nothing stands between the trick and the judge but what security rests on.
Several lines are alternatives. Whatever the verdict, a cheat that earns a point is a difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from grader.authoring.edits import BASE_LINE, EditsError, compose, segments
from grader.authoring.expectations import EVERY_TEST, Expectation, Header, fulfils, verdict
from grader.lesson import Lesson
from grader.results import Report, Status, TestResult

HOLLOW_LINE = "# based-on: hollow"
_HOOK = "attack"


def whole_cheat(file: Path, lesson: Lesson) -> str:
    """The submission that a cheat is in one lesson.

    Raises:
        EditsError: It is not Python, or the lesson has no hollow version.
    """
    text = file.read_text(encoding="utf-8")
    try:
        whole = _with_base(text, file, lesson)
        names = {segment.name for segment in segments(whole)} if _HOOK in whole else set()
    except SyntaxError as error:
        raise EditsError(f"{file}: line {error.lineno}: {error.msg}.") from error
    if _HOOK not in names:
        return whole
    hooked = [f'{name} = {_HOOK}({name}, "{name}")' for name in lesson.functions if name in names]
    return f"{whole.rstrip()}\n\n\n" + "\n".join(hooked) + "\n"


def _with_base(text: str, file: Path, lesson: Lesson) -> str:
    lines = text.splitlines()
    if HOLLOW_LINE in lines:
        base = file.parent / "hollow" / f"{lesson.name}.py"
    elif BASE_LINE in lines:
        base = lesson.solution
    else:
        return text
    if not base.is_file():
        raise EditsError(f"{file}: there is no {base} to base it on.")
    return compose(base.read_text(encoding="utf-8"), text)


def attacked_tests(header: Header, tests: Sequence[str]) -> tuple[str, ...]:
    """The tests of a lesson that a cheat is tried on: those it names, or the first.

    Args:
        header: The cheat's header.
        tests: Names of the lesson's graded tests, in order.
    """
    named = {line.test for line in (*header.expectations, *header.unpoliced)} | {*header.attacks}
    chosen = tuple(name for name in tests if name in named)
    return chosen or tuple(tests[:1])


def declared(header: Header, tests: Sequence[str], *, policed: bool) -> tuple[Expectation, ...]:
    """The verdicts that a cheat may get in a lesson, with or without the policy."""
    lines = header.expectations if policed or not header.unpoliced else header.unpoliced
    return tuple(line for line in lines if line.test in (EVERY_TEST, *tests))


def cheat_differences(expectations: Sequence[Expectation], report: Report) -> list[str]:
    """Points that a cheat earned, and verdicts that it does not declare."""
    lines = [line for line in expectations if line.holds_on(report.device.kind)]
    judged = [test for test in report.tests if test.status is not Status.DEFERRED]
    if not judged:
        return ["nothing could be judged on this machine"]
    return [told for test in judged if (told := _difference(test, lines))]


def _difference(test: TestResult, lines: Sequence[Expectation]) -> str:
    if test.points or (test.is_challenge and test.status is Status.PASSED):
        return f"EARNED {test.points:g} of {test.max_points:g} points: {verdict(test)}"
    allowed = [line for line in lines if line.test in (EVERY_TEST, test.id)]
    return "" if any(fulfils(line, test) for line in allowed) else verdict(test)
