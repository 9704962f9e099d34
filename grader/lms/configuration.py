"""What ``grader.lms.configure`` sets in an nbgrader configuration.

Owns the order of the steps of autograding. nbgrader's own lists are the start, whatever an
institution has made of them, and only the steps are exchanged that must be.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from nbgrader.converters import Autograde, GenerateFeedback
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import Execute, GetGrades, SaveAutoGrades
from traitlets.config.loader import LazyConfigValue

from grader.errors import CourseNotFoundError
from grader.lesson import Course
from grader.lms.autograding import GradeOutOfProcess, RestoreReleased
from grader.lms.collecting import CollectPlainFiles
from grader.lms.course_folders import CourseFolders
from grader.lms.export import CsvWithPending
from grader.lms.feedback import FeedbackExporter, GetScores
from grader.lms.intake import make_gradable
from grader.lms.late import PenaltyPerDay
from grader.lms.scores import SaveVerdicts


def extend(config: Any, *, course: str | Path | None, late_penalty_per_day: float) -> None:
    """Set up nbgrader for the course; see ``grader.lms.configure``."""
    if course is not None:
        config.GradeOutOfProcess.course = str(course)
    _set_steps(config)
    config.Autograde.exclude_overwriting = _students_files(config, course)
    # Before anything reads a submission; its errors are swallowed, and later steps fail then.
    config.Autograde.pre_convert_hook = _intake(config)
    config.ExchangeFactory.collect = CollectPlainFiles
    config.ExportApp.plugin_class = CsvWithPending
    config.GenerateFeedback.exporter_class = FeedbackExporter
    FeedbackExporter.use_template(config.FeedbackExporter)
    if late_penalty_per_day:
        config.AssignLatePenalties.plugin_class = PenaltyPerDay
        config.PenaltyPerDay.per_day = late_penalty_per_day


def _set_steps(config: Any) -> None:
    sanitize = _steps(config.Autograde, "sanitize_preprocessors", Autograde)
    if RestoreReleased not in sanitize:
        # First, for the others fail at cells that are missing, renamed or doubled.
        config.Autograde.sanitize_preprocessors = [RestoreReleased, *sanitize]
    grading = _steps(config.Autograde, "autograde_preprocessors", Autograde)
    config.Autograde.autograde_preprocessors = _exchanged(
        grading, {Execute: GradeOutOfProcess, SaveAutoGrades: SaveVerdicts}
    )
    feedback = _steps(config.GenerateFeedback, "preprocessors", GenerateFeedback)
    config.GenerateFeedback.preprocessors = _exchanged(feedback, {GetGrades: GetScores})


def _steps(section: Any, name: str, converter: type) -> list[Any]:
    """The steps that the configuration names, or else nbgrader's own."""
    given, own = section.get(name), list(getattr(converter, name).default())
    if isinstance(given, LazyConfigValue):  # such as c.Autograde.….append(…)
        return list(given.get_value(own))
    return own if given is None else list(given)


def _exchanged(steps: Sequence[Any], for_ours: dict[Any, Any]) -> list[Any]:
    return [for_ours.get(step, step) for step in steps]


def _students_files(config: Any, course: str | Path | None) -> dict[str, list[str]]:
    """The files that nbgrader must not overwrite with the released ones."""
    given = config.Autograde.get("exclude_overwriting")
    excluded = dict(given) if isinstance(given, dict) else {}
    root = config.CourseDirectory.get("root")
    here = Path(root) if isinstance(root, str) and root else Path.cwd()
    lessons = Course(Path(course)) if course is not None else Course.find(here)
    if not lessons.names():
        raise CourseNotFoundError(f"{lessons.root} holds no course/*/lesson.toml")
    for name in lessons.names():
        file = f"{name}.py"
        excluded[name] = [*(each for each in excluded.get(name, []) if each != file), file]
    return excluded


def _intake(config: Any) -> Callable[..., None]:
    """The hook that nbgrader calls before a submission is read."""
    given = config.Autograde.get("pre_convert_hook")

    def take_in(*, assignment: str, student: str, notebooks: list[str]) -> None:
        folder = Path(notebooks[0]).parent
        # nbgrader works in the course's folder.
        folders = CourseFolders(CourseDirectory(config=config, root=str(Path.cwd())))
        released = folders.released(folder.name if "*" in assignment else assignment)
        make_gradable(folder, released)
        for original in sorted(released.glob("*.ipynb")):
            if str(folder / original.name) not in notebooks:
                notebooks.append(str(folder / original.name))
        if callable(given):
            given(assignment=assignment, student=student, notebooks=notebooks)

    return take_in
