"""``nbgrader generate_feedback`` that shows pending points as pending, not as 0."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbgrader.server_extensions.formgrader
from nbconvert.exporters import HTMLExporter
from nbgrader.preprocessors import GetGrades

from grader.lms.scores import is_pending, pending_points

_FORMGRADER = Path(nbgrader.server_extensions.formgrader.__file__).parent
_BOOTSTRAP = _FORMGRADER / "static" / "node_modules" / "bootstrap" / "dist" / "css"


class GetScores(GetGrades):  # type: ignore[misc]
    """Fetches the scores, and which of them nobody knows yet."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Fetch the scores of one notebook."""
        nb, resources = super().preprocess(nb, resources)
        about = resources["nbgrader"]
        with self.gradebook:
            notebook = self.gradebook.find_submission_notebook(
                self.notebook_id, self.assignment_id, self.student_id
            )
            about["pending"] = pending_points(notebook)
        return nb, resources

    def _get_score(self, cell: Any, resources: Any) -> None:
        super()._get_score(cell, resources)
        grade = self.gradebook.find_grade(
            cell.metadata["nbgrader"]["grade_id"],
            self.notebook_id,
            self.assignment_id,
            self.student_id,
        )
        cell.metadata.nbgrader["pending"] = is_pending(grade)


class FeedbackExporter(HTMLExporter):
    """Pages like nbgrader's, from a template that knows of pending points."""

    @staticmethod
    def use_template(section: Any) -> None:
        """Set this exporter's section of a configuration; it wins over that of all exporters."""
        section.template_name = "course_feedback"
        section.extra_template_basedirs = [str(Path(__file__).parent / "templates")]
        # The page that ours extends, and the style that it includes.
        section.extra_template_paths = [str(_FORMGRADER / "templates"), str(_BOOTSTRAP)]
