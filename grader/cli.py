"""``grade``, the student's command: reads the command line and says what to do.

Options are a contract that others script against. Everything that takes time to import is
imported where it is used: help, hints and wrong usage answer at once.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from grader import gpu_targets
from grader.commands.boundary import guarded, run
from grader.commands.outputs import Outputs
from grader.errors import UnknownLessonError, UsageError
from grader.lesson import Course, Lesson
from grader.lesson_tests import find_test

app = typer.Typer(add_completion=False, context_settings={"help_option_names": ["-h", "--help"]})


_DEFAULT_TARGETS = ",".join(gpu_targets.DEFAULT)


class DeviceChoice(StrEnum):
    """Where kernels run."""

    AUTO = "auto"
    CPU = "cpu"
    GPU = "gpu"


@dataclass(frozen=True)
class CommandLine:
    """What was typed after ``grade``; see the options' help for the meaning."""

    lessons: tuple[str, ...] = ()
    file: Path | None = None
    only: tuple[str, ...] = ()
    device: str = "auto"
    watch: bool = False
    hint: str | None = None
    seed: str | None = None
    target: str = _DEFAULT_TARGETS
    replay: Path | None = None
    outputs: Outputs = Outputs()


def grade_main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of ``grade``; returns its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    return run(app, "grade", _with_hint_value(given))


@app.command(epilog="Exit codes: 0 nothing lost, 1 points lost, 2 wrong usage, 3 not judged.")
def grade(
    lessons: Annotated[
        list[str] | None,
        typer.Argument(metavar="LESSON", help="lesson03, or 3. None: progress over all."),
    ] = None,
    file: Annotated[
        Path | None, typer.Option(metavar="PATH", help="The .py file to grade.")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(metavar="TEST", help="Only this test; can be repeated.")
    ] = None,
    device: Annotated[DeviceChoice, typer.Option(help="Where kernels run.")] = DeviceChoice.AUTO,
    watch: Annotated[bool, typer.Option("--watch", help="Grade again at every save.")] = False,
    hint: Annotated[
        str | None,
        typer.Option(metavar="[TEST]", help="Hints for all tests, TEST, or TEST:2 for step 2."),
    ] = None,
    json: Annotated[
        str | None, typer.Option(metavar="PATH|-", help="Write JSON; - for standard output.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Write a self-contained page.")
    ] = None,
    junit: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Write JUnit XML for a CI system.")
    ] = None,
    seed: Annotated[
        str | None, typer.Option(metavar="N", help="Seed of the random inputs, to repeat a run.")
    ] = None,
    target: Annotated[
        str,
        typer.Option(
            metavar="NAMES", help="GPUs to compile for without one: sm_80,sm_90,gfx942; or none."
        ),
    ] = _DEFAULT_TARGETS,
    receipt: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Write what a rerun of this run needs.")
    ] = None,
    replay: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Grade again what a receipt tells of.")
    ] = None,
    benchmark_json: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="Write the speed samples for pytest-benchmark."),
    ] = None,
) -> None:
    """Grade a lesson: what is right, what is wrong, where and why."""
    line = CommandLine(
        lessons=tuple(lessons or ()),
        file=file,
        only=tuple(only or ()),
        device=device.value,
        watch=watch,
        hint=hint,
        seed=seed,
        target=target,
        replay=replay,
        outputs=Outputs(json, html, junit, receipt, benchmark_json),
    )
    raise typer.Exit(guarded(lambda: _execute(line)))


def _execute(line: CommandLine) -> int:
    course = Course.find()
    if line.hint is not None:
        return _hint(course, line)
    _refuse_contradictions(line)
    line.outputs.check()
    targets = gpu_targets.parse(line.target)
    from grader.commands import grading

    if line.replay is not None:
        return _replay(course, line, line.replay, targets)
    if not line.lessons and line.file is None:
        settings = grading.Settings(line.device, (), line.seed, line.outputs, targets)
        return grading.grade_everything(course, Path.cwd(), settings)
    found = [lesson_named(course, name) for name in line.lessons or [_named_by(course, line.file)]]
    only = tuple(find_test(found[0], name).name for name in line.only)
    work = [(lesson, _submission(lesson, line.file)) for lesson in found]
    settings = grading.Settings(line.device, only, line.seed, line.outputs, targets)
    if line.watch:
        return grading.watch(*work[0], settings)
    return grading.grade_lessons(work, settings)


def _replay(course: Course, line: CommandLine, path: Path, targets: tuple[str, ...]) -> int:
    from grader import receipt
    from grader.commands import grading

    given = receipt.read(path)
    named = [lesson_named(course, name).name for name in line.lessons]
    if named not in ([], [given.lesson]):
        raise UsageError(f"The receipt {given.path} is of {given.lesson}, not of the lesson named.")
    lesson = course.lesson(given.lesson)
    settings = grading.Settings(given.device, given.only, given.seed, line.outputs, targets)
    return grading.replay(given, lesson, _submission(lesson, line.file or given.file), settings)


def _hint(course: Course, line: CommandLine) -> int:
    from rich.console import Console

    from grader.commands import hints

    wanted = line.hint or ""
    names = line.lessons
    if not names and wanted:  # ``grade --hint lesson01``: the lesson stands behind the option
        names, wanted = (wanted,), ""
    if len(names) != 1:
        raise UsageError("--hint is about one lesson: grade LESSON --hint [TEST].")
    lesson = lesson_named(course, names[0])
    console = Console(highlight=False)
    if wanted:
        hints.show_step(console, lesson, wanted)
    else:
        hints.show_all(console, lesson)
    return 0


def _refuse_contradictions(line: CommandLine) -> None:
    single = len(line.lessons) == 1 or (not line.lessons and line.file is not None)
    if line.file is not None and len(line.lessons) > 1:
        raise UsageError("--file names one file, but several lessons are to be graded.")
    if line.only and not single:
        raise UsageError("--only names a test of one lesson: grade LESSON --only TEST.")
    if line.outputs.receipt is not None and not single and line.replay is None:
        raise UsageError("--receipt is of one run: grade LESSON --receipt PATH.")
    if line.watch and not single:
        raise UsageError("--watch watches one file: grade LESSON --watch.")
    if line.watch and line.outputs.owns_stdout:
        raise UsageError("--watch uses the terminal, so JSON cannot go there: --json PATH.")


def lesson_named(course: Course, name: str) -> Lesson:
    """The lesson that was typed; says which one was probably meant if there is none.

    Raises:
        UnknownLessonError: There is no such lesson.
    """
    try:
        return course.lesson(name)
    except UnknownLessonError as error:
        meant = get_close_matches(name, course.names(), n=1)
        raise UnknownLessonError(f"{error} Did you mean {meant[0]}?" if meant else error) from error


def _named_by(course: Course, file: Path | None) -> str:
    """The lesson that a file's name tells: ``my/lesson03.py`` is lesson03."""
    if file is not None and file.stem in course.names():
        return file.stem
    raise UsageError(f"Which lesson is {file}? Say grade LESSON --file {file}.")


def _submission(lesson: Lesson, file: Path | None) -> Path:
    if file is not None and file.is_file() and file.suffix != ".py":
        raise UsageError(f"{file} is no .py file. What is graded is {lesson.name}.py.")
    return lesson.submission(file, Path.cwd())


def _with_hint_value(arguments: list[str]) -> list[str]:
    """Let ``--hint`` stand without a value: Typer's options have one or never have one."""
    result: list[str] = []
    for at, argument in enumerate(arguments):
        following = arguments[at + 1] if at + 1 < len(arguments) else "-"
        alone = argument == "--hint" and following.startswith("-")
        result.append("--hint=" if alone else argument)
    return result
