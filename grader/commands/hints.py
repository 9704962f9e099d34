"""``grade LESSON --hint``: the steps of the lesson's hints, one at a time.

Answers from ``hints.md`` and the source of the tests, without running anything.
"""

from __future__ import annotations

from rich.console import Console
from rich.padding import Padding

from grader.errors import UsageError
from grader.lesson import Lesson
from grader.lesson_tests import LessonTest, find_test, graded_tests
from grader.report.ink import Ink

INDENT = (0, 0, 0, 4)


def show_all(console: Console, lesson: Lesson) -> None:
    """Every graded test with the first step of its hints."""
    ink = Ink.of(console)
    console.print(ink.text(lesson.title, "bold"))
    console.print()
    for test in graded_tests(lesson):
        console.print(ink.text(test.title, "bold"))
        console.print(Padding(ink.text(test.name, "dim"), INDENT, expand=False))
        steps = steps_of(lesson, test)
        nudge = steps[0] if steps else "There is no hint for this test."
        console.print(Padding(ink.text(nudge), INDENT, expand=False))
        console.print()
    console.print(ink.text(f"A further step:  grade {lesson.name} --hint TEST:2", "dim"))


def show_step(console: Console, lesson: Lesson, wanted: str) -> None:
    """One step of one test's hints.

    Args:
        console: Where to.
        lesson: The lesson.
        wanted: ``TEST`` for the first step, ``TEST:2`` for the second.

    Raises:
        UnknownTestError: The lesson has no such test.
        UsageError: The test has no such step.
    """
    name, _, number = wanted.partition(":")
    test = find_test(lesson, name)
    steps = steps_of(lesson, test)
    step = _step(test, number or "1", len(steps))
    ink = Ink.of(console)
    console.print(ink.text(test.title, "bold"))
    console.print(ink.text(f"{test.name}, step {step} of {len(steps)}", "dim"))
    console.print()
    console.print(Padding(ink.text(steps[step - 1]), INDENT, expand=False))
    console.print()
    if step < len(steps):
        following = f"Next step:  grade {lesson.name} --hint {test.name}:{step + 1}"
        console.print(ink.text(following, "dim"))
    else:
        console.print(ink.text("This was the last step.", "dim"))


def steps_of(lesson: Lesson, test: LessonTest) -> tuple[str, ...]:
    """The hint steps of a test; empty if it has none."""
    return lesson.hints.get(test.hint or "", ())


def _step(test: LessonTest, number: str, last: int) -> int:
    if not last:
        raise UsageError(f"There is no hint for {test.name}.")
    if not number.isdecimal() or not 1 <= int(number) <= last:
        raise UsageError(
            f"{test.name} has hint steps 1 to {last}, not {number!r}. "
            f"Try --hint {test.name}:{last}."
        )
    return int(number)
