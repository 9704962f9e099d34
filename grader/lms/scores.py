"""Scores in nbgrader's gradebook: what was judged, and what nobody knows yet.

A score that is not known is no number: it is stored as none and needs a person. All of a
submission's scores are taken back before it is graded, so that a run that fails leaves none.
"""

from __future__ import annotations

from typing import Any

from nbgrader.api import Grade, Gradebook, SubmittedNotebook
from nbgrader.preprocessors import SaveAutoGrades
from nbgrader.utils import is_solution

from grader.lms.assignment import lesson_of
from grader.lms.course_folders import Submission
from grader.lms.verdicts import NotJudgedError, Verdict

# Under this name the verdicts travel from the preprocessor that judges to the one that saves.
VERDICTS = "grader_verdicts"


def is_pending(grade: Grade) -> bool:
    """Whether neither the grader nor a person has given a score yet."""
    return grade.auto_score is None and grade.manual_score is None


def pending_points(notebook: SubmittedNotebook) -> float:
    """Points of a notebook that nobody has given or refused yet."""
    return float(round(sum(each.max_score for each in notebook.grades if is_pending(each)), 2))


def take_back(submission: Submission) -> None:
    """Store no score for any cell that the grader scores; a person's scores stay."""
    with Gradebook(submission.db_url) as gradebook:
        notebook = gradebook.find_submission_notebook(
            submission.notebook, submission.assignment, submission.student
        )
        for grade in notebook.grades:
            grade.auto_score = None
            grade.needs_manual_grade = True
        gradebook.db.commit()


class SaveVerdicts(SaveAutoGrades):  # type: ignore[misc]
    """Stores the verdicts of a lesson, never what a cell's output looks like."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Store the scores of a notebook."""
        self._verdicts: dict[str, Verdict] | None = resources.get(VERDICTS) or None
        if lesson_of(nb) is not None and self._verdicts is None:
            raise NotJudgedError(
                "No verdicts to store: GradeOutOfProcess must come before SaveVerdicts in "
                "c.Autograde.autograde_preprocessors."
            )
        result: tuple[Any, Any] = super().preprocess(nb, resources)
        return result

    def _add_score(self, cell: Any, resources: Any) -> None:
        if self._verdicts is None or is_solution(cell):
            super()._add_score(cell, resources)
            return
        name = cell.metadata["nbgrader"]["grade_id"]
        verdict = self._verdicts[name]
        grade = self.gradebook.find_grade(
            name, self.notebook_id, self.assignment_id, self.student_id
        )
        grade.auto_score = None if verdict.is_pending else verdict.points
        # As nbgrader has it, what a person changed is looked at again after each run.
        grade.needs_manual_grade = verdict.is_pending or grade.manual_score is not None
        self.gradebook.db.commit()
