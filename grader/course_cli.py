"""``course``, the instructor's command: build, check, validate, calibrate, new, doctor.

Only reads the command line and prints; each job is a module of ``grader.authoring``, imported
when it is asked for.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from grader.cli import DeviceChoice, lesson_named
from grader.commands.boundary import guarded, run
from grader.commands.outputs import write_text
from grader.errors import ExitCode
from grader.lesson import Course, Lesson
from grader.report.words import count

if TYPE_CHECKING:
    from rich.console import Console

    from grader.authoring.doctor import Finding
    from grader.authoring.subjects import Outcome

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Build, check and prove a course.",
    context_settings={"help_option_names": ["-h", "--help"]},
)

Lessons = Annotated[
    list[str] | None, typer.Argument(metavar="LESSON", help="lesson03, or 3. None: all lessons.")
]


def course_main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of ``course``; returns its exit code."""
    return run(app, "course", list(sys.argv[1:] if arguments is None else arguments))


@app.command()
def build(
    lessons: Lessons = None,
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite exercises that hold somebody's work, too.")
    ] = False,
) -> None:
    """Generate skeletons and notebooks from solutions and notebook sources."""
    _end(lambda: _build(lessons or [], force))


@app.command()
def check(lessons: Lessons = None) -> None:
    """Check that lessons are complete and that generated files are fresh."""
    _end(lambda: _check(lessons or []))


@app.command()
def validate(
    lessons: Lessons = None,
    device: Annotated[DeviceChoice, typer.Option(help="Where kernels run.")] = DeviceChoice.AUTO,
    jobs: Annotated[
        int, typer.Option(min=0, metavar="N", help="Submissions at a time; 0: as many as fit.")
    ] = 0,
    full: Annotated[
        bool, typer.Option("--full", help="All tests of wrong submissions, not the named ones.")
    ] = False,
    json: Annotated[
        str | None, typer.Option(metavar="PATH|-", help="Write JSON; - for standard output.")
    ] = None,
    markdown: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Write a table for a CI summary page.")
    ] = None,
    allow_unconfined: Annotated[
        bool,
        typer.Option("--allow-unconfined", help="Also where submissions could change your files."),
    ] = False,
) -> None:
    """Grade solutions, skeletons and kept submissions; fail if any verdict differs."""

    def command() -> int:
        from grader.sandbox import require_confinement

        require_confinement(allow_unconfined)
        return _validate(lessons or [], device.value, jobs, full, json, markdown)

    _end(command)


@app.command()
def compose(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Under tests/submissions/lessonNN.")],
) -> None:
    """Print a kept submission whole, with the parts of the solution that it is based on."""
    _end(lambda: _compose(file))


@app.command()
def calibrate(lessons: Lessons = None) -> None:
    """Measure this GPU and the reference solutions, so that thresholds hold on it."""
    _end(lambda: _calibrate(lessons or []))


@app.command()
def new(
    lesson: Annotated[str, typer.Argument(metavar="LESSON", help="Such as lesson08.")],
) -> None:
    """Make a working stub of a lesson."""
    _end(lambda: _new(lesson))


@app.command()
def doctor() -> None:
    """Say what this machine can do, and what to do about what it cannot."""
    _end(_doctor)


def _end(command: Callable[[], int]) -> None:
    raise typer.Exit(guarded(command))


def _build(names: list[str], force: bool) -> int:
    from grader.authoring.build import Outcome as Built
    from grader.authoring.build import build as build_lessons

    course = Course.find()
    files = build_lessons(course, _known(course, names), force=force)
    for file in files:
        print(f"{file.outcome:9}  {file.path}")
    if any(file.outcome is Built.KEPT for file in files):
        print("Kept files hold somebody's work; --force overwrites them.", file=sys.stderr)
    return ExitCode.OK


def _check(names: list[str]) -> int:
    from grader.authoring.check import check as check_lessons

    course = Course.find()
    problems = check_lessons(course, _known(course, names))
    for problem in problems:
        print(problem)
    print(count(len(problems), "problem") if problems else "No problems.")
    return ExitCode.POINTS_LOST if problems else ExitCode.OK


def _calibrate(names: list[str]) -> int:
    from grader.authoring.calibrate import calibrate

    course = Course.find()
    path = calibrate(course, _known(course, names), print).write(course.root)
    print(f"wrote {path.relative_to(course.root)}")
    return ExitCode.OK


def _compose(file: Path) -> int:
    from grader.authoring.edits import whole_text

    name = next((part for part in reversed(file.resolve().parts) if part.startswith("lesson")), "")
    sys.stdout.write(whole_text(file, Course.find().lesson(name).solution))
    return ExitCode.OK


def _validate(
    names: list[str], device: str, jobs: int, full: bool, json: str | None, markdown: Path | None
) -> int:
    from rich.console import Console

    from grader.authoring import outcome_table
    from grader.authoring.summary_page import to_markdown
    from grader.authoring.validate import validate as validate_lessons

    course = Course.find()
    console = Console(highlight=False, stderr=json == "-")

    def show(outcome: Outcome, total: int) -> None:
        outcome_table.show_row(console, outcome)

    outcomes = validate_lessons(
        course, _known(course, names), device=device, jobs=jobs, full=full, finished=show
    )
    console.print(f"\n{len(outcomes)} submissions: {outcome_table.summary(outcomes)}")
    if json == "-":
        sys.stdout.write(outcome_table.to_json(outcomes))
    elif json is not None:
        write_text(Path(json), outcome_table.to_json(outcomes))
    if markdown is not None:
        write_text(markdown, to_markdown(outcomes))
    states = {outcome.state for outcome in outcomes}
    if "error" in states:
        return ExitCode.NOT_JUDGED
    return ExitCode.POINTS_LOST if "different" in states else ExitCode.OK


def _new(name: str) -> int:
    from grader.authoring.new import new as new_lesson

    course = Course.find()
    for path in new_lesson(course, name):
        print(f"written  {path}")
    print(f"Next: course build {name}, course check {name}, course validate {name}.")
    return ExitCode.OK


def _doctor() -> int:
    from rich.console import Console

    from grader.authoring.doctor import examine

    console = Console(highlight=False)
    healthy = True
    for finding in examine():
        healthy = healthy and finding.ok is not False
        _show_finding(console, finding)
    return ExitCode.OK if healthy else ExitCode.NOT_JUDGED


def _show_finding(console: Console, finding: Finding) -> None:
    from rich.text import Text

    from grader.report.ink import Ink
    from grader.results import Status

    ink = Ink.of(console)
    status, word, style = {
        True: (Status.PASSED, "ok", "green"),
        False: (Status.FAILED, "not ok", "bold red"),
        None: (Status.DEFERRED, "none", "dim"),
    }[finding.ok]
    label = f"{ink.mark(status)} {word:7} {finding.name:12}"
    console.print(Text.assemble((label, style), ink.text(finding.detail)), soft_wrap=True)
    if finding.ok is False and finding.remedy:
        console.print(ink.text(f"{'':10}{finding.remedy}"), soft_wrap=True)


def _known(course: Course, names: list[str]) -> list[Lesson]:
    """The lessons that were typed; all lessons if none was."""
    return [lesson_named(course, name) for name in names] or list(course.lessons())
