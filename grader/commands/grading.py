"""``grade``: one lesson, several, all of them, or one again at every save.

Joins ``grader.run`` with the forms of a report. ``grader.run`` imports torch, so it is imported
only when something is graded.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import nullcontext, redirect_stdout
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from rich.console import Console

from grader import gpu_targets, receipt
from grader.commands.boundary import show_error
from grader.commands.outputs import Outputs
from grader.commands.watching import saves
from grader.errors import ExitCode, GraderError, SubmissionNotFoundError
from grader.lesson import Course, Lesson
from grader.receipt import Receipt
from grader.report import overview, terminal
from grader.report.ink import Ink
from grader.report.progress import LiveProgress, SilentProgress
from grader.report.words import number
from grader.results import Report, worst_exit_code


@dataclass(frozen=True)
class Settings:
    """How to grade, for every lesson of a command.

    Attributes:
        device: ``auto``, ``cpu`` or ``gpu``.
        only: Names of the tests to run; all if empty.
        seed: Seed of the inputs; fresh entropy if None.
        outputs: Where the reports go.
        targets: GPU targets to compile for without a GPU.
    """

    device: str = "auto"
    only: tuple[str, ...] = ()
    seed: str | None = None
    outputs: Outputs = Outputs()
    targets: tuple[str, ...] = gpu_targets.DEFAULT


def grade_lessons(work: Sequence[tuple[Lesson, Path]], settings: Settings) -> ExitCode:
    """Grade these files and show a page for each."""
    reports = []
    for lesson, file in work:
        report = _grade(lesson, file, settings)
        reports.append(report)
        if not settings.outputs.owns_stdout:
            if len(reports) > 1:
                print()
            terminal.show(_stdout(), report, lesson)
    settings.outputs.write(reports, as_list=len(work) != 1)
    return worst_exit_code(report.exit_code for report in reports)


def grade_everything(course: Course, working: Path, settings: Settings) -> ExitCode:
    """Grade every lesson whose file is here and show a line for each."""
    console = _stdout()
    reports: list[Report] = []
    codes: list[ExitCode] = []
    for name in course.names():
        row, code = _row(course, name, working, settings)
        codes.append(code)
        if row.report is not None:
            reports.append(row.report)
        if not settings.outputs.owns_stdout:
            overview.show_row(console, row)
    if not settings.outputs.owns_stdout:
        _show_sum(console, reports)
    settings.outputs.write(reports, as_list=True)
    return worst_exit_code(codes)


def watch(lesson: Lesson, file: Path, settings: Settings) -> ExitCode:
    """Grade now and at every save, until Ctrl-C; the last report's exit code."""
    console = _stdout()
    code = ExitCode.OK
    try:
        for _ in saves(file):
            console.clear()
            saved = datetime.fromtimestamp(file.stat().st_mtime)
            try:
                report = _grade(lesson, file, settings)
            except GraderError as error:
                show_error(str(error))
                code = error.exit_code
            else:
                terminal.show(console, report, lesson)
                settings.outputs.write([report], as_list=False)
                code = report.exit_code
            ink = Ink.of(console)
            waiting = f"Saved at {saved:%H:%M:%S}. Save again to grade again; Ctrl-C ends."
            console.print(ink.text(waiting, "dim"))
    except KeyboardInterrupt:
        print(file=sys.stderr)
    return code


def _grade(lesson: Lesson, file: Path, settings: Settings) -> Report:
    quiet = redirect_stdout(sys.stderr) if settings.outputs.owns_stdout else nullcontext()
    with quiet, _progress(f"{lesson.name}: starting") as progress:
        from grader.run import RunRequest, grade

        request = RunRequest(
            lesson, file, settings.device, settings.only, settings.seed, settings.targets
        )
        report = grade(request, progress)
    if settings.outputs.receipt is not None:
        receipt.write(settings.outputs.receipt, report, lesson)
    return report


def replay(given: Receipt, lesson: Lesson, file: Path, settings: Settings) -> ExitCode:
    """Grade again what a receipt tells of, and say what came out differently."""
    given.refuse_other(lesson, file)
    report = _grade(lesson, file, settings)
    if not settings.outputs.owns_stdout:
        terminal.show(_stdout(), report, lesson)
        lines = given.differences(report)
        told = "\n".join(lines) if lines else "nothing came out differently."
        _stdout().print(Ink.of(_stdout()).text(f"Against {given.path}: {told}", "bold"))
    settings.outputs.write([report], as_list=False)
    return report.exit_code


def _progress(announcement: str) -> SilentProgress:
    """Lines that move, where standard error is a terminal that can move them."""
    console = Console(stderr=True, highlight=False)
    if console.is_terminal and not console.is_dumb_terminal:
        return LiveProgress(console, announcement)
    return SilentProgress()


def _row(
    course: Course, name: str, working: Path, settings: Settings
) -> tuple[overview.Row, ExitCode]:
    """One lesson of the overview; what is wrong with one lesson does not stop the others."""
    title = name
    try:
        lesson = course.lesson(name)
        title = lesson.title
        report = _grade(lesson, lesson.submission(None, working), settings)
    except SubmissionNotFoundError:
        return overview.Row(name, title), ExitCode.OK
    except GraderError as error:
        show_error(f"{name}: {error}")
        return overview.Row(name, title, problem="not graded"), error.exit_code
    return overview.Row(name, title, report), report.exit_code


def _show_sum(console: Console, reports: Sequence[Report]) -> None:
    earned = number(sum(report.score for report in reports))
    whole = number(sum(report.max_score for report in reports))
    waiting = sum(report.deferred_points for report in reports)
    deferred = f", {number(waiting)} not judged on this machine" if waiting else ""
    console.print(Ink.of(console).text(f"\nTogether {earned}/{whole}{deferred}", "bold"))
    console.print(Ink.of(console).text("Details of one lesson:  grade LESSON", "dim"))


def _stdout() -> Console:
    return Console(highlight=False)
