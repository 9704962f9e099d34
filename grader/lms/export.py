"""``nbgrader export`` that says what is not known yet, instead of counting it as 0.

The columns are nbgrader's own, in its order, and three more; ``raw_score`` and ``score`` hold the
word ``pending`` until every point is given or refused.
"""

from __future__ import annotations

import csv
from typing import Any

from nbgrader.api import Assignment, Gradebook, MissingEntry, Student, SubmittedAssignment
from nbgrader.plugins import ExportPlugin

from grader.lms.course_folders import CourseFolders
from grader.lms.scores import is_pending

PENDING = "pending"
COLUMNS = (
    "assignment",
    "duedate",
    "timestamp",
    "student_id",
    "last_name",
    "first_name",
    "email",
    "raw_score",
    "late_submission_penalty",
    "score",
    "max_score",
    "score_so_far",
    "points_pending",
    "cells_pending",
)


class CsvWithPending(ExportPlugin):  # type: ignore[misc]
    """Writes a CSV file with a row for each student and assignment."""

    def export(self, gradebook: Gradebook) -> None:
        """Write the scores of a gradebook to the file that ``--to`` names, or ``grades.csv``."""
        path = self.to or "grades.csv"
        self.log.info("Exporting grades to %s", path)
        with open(path, "w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            table.writeheader()
            for assignment in gradebook.assignments:
                for student in gradebook.students:
                    if _is_asked_for(self.assignment, assignment.name) and _is_asked_for(
                        self.student, student.id
                    ):
                        table.writerow(self._row(gradebook, assignment, student))

    def _row(
        self, gradebook: Gradebook, assignment: Assignment, student: Student
    ) -> dict[str, Any]:
        row = {
            "assignment": assignment.name,
            "duedate": assignment.duedate,
            "student_id": student.id,
            "last_name": student.last_name,
            "first_name": student.first_name,
            "email": student.email,
            "max_score": assignment.max_score,
        }
        try:
            submission = gradebook.find_submission(assignment.name, student.id)
        except MissingEntry:
            return {**row, **self._without_submission(assignment, student)}
        return {**row, **_scores(submission)}

    def _without_submission(self, assignment: Assignment, student: Student) -> dict[str, Any]:
        """Nothing handed in is 0; handed in and never graded is not."""
        folders = CourseFolders(self.parent.coursedir)
        if folders.submitted(assignment.name, student.id).is_dir():
            whole = assignment.max_score
            return {**_pending(0.0, whole, ["all"]), "late_submission_penalty": 0.0}
        return {
            "raw_score": 0.0,
            "late_submission_penalty": 0.0,
            "score": 0.0,
            "score_so_far": 0.0,
            "points_pending": 0.0,
        }


def _is_asked_for(names: list[Any], name: str) -> bool:
    return not names or name in map(str, names)


def _scores(submission: SubmittedAssignment) -> dict[str, Any]:
    penalty = round(submission.late_submission_penalty or 0.0, 2)
    raw = round(submission.score, 2)
    score = max(0.0, round(raw - penalty, 2))
    about = {"timestamp": submission.timestamp, "late_submission_penalty": penalty}
    waiting = [
        grade for notebook in submission.notebooks for grade in notebook.grades if is_pending(grade)
    ]
    if waiting:
        points = round(sum(grade.max_score for grade in waiting), 2)
        return {**about, **_pending(score, points, [grade.name for grade in waiting])}
    return {
        **about,
        "raw_score": raw,
        "score": score,
        "score_so_far": score,
        "points_pending": 0.0,
    }


def _pending(so_far: float, points: float, cells: list[str]) -> dict[str, Any]:
    return {
        "raw_score": PENDING,
        "score": PENDING,
        "score_so_far": so_far,
        "points_pending": points,
        "cells_pending": " ".join(sorted(cells)),
    }
