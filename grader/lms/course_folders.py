"""Where nbgrader keeps an assignment's files, and which converter a preprocessor works for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

from grader.lms.verdicts import NotJudgedError


@dataclass(frozen=True)
class CourseFolders:
    """The folders of a course, as its ``CourseDirectory`` names them."""

    coursedir: Any

    def released(self, assignment: str) -> Path:
        """The folder of the released version, which students got."""
        return self._folder(self.coursedir.release_directory, ".", assignment)

    def submitted(self, assignment: str, student: str) -> Path:
        """The folder that was collected from a student."""
        return self._folder(self.coursedir.submitted_directory, student, assignment)

    def _folder(self, step: str, student: str, assignment: str) -> Path:
        return Path(self.coursedir.format_path(step, student, assignment))


@dataclass(frozen=True)
class Submission:
    """The submitted notebook that a preprocessor is at work on.

    Attributes:
        student: The student's id.
        assignment: The assignment's name.
        notebook: The notebook's name, without suffix.
        db_url: The gradebook.
        folders: The course's folders.
    """

    student: str
    assignment: str
    notebook: str
    db_url: str
    folders: CourseFolders

    @staticmethod
    def of(preprocessor: Any, resources: Mapping[str, Any]) -> Submission:
        """The submission, from what nbgrader hands to its preprocessors."""
        about = resources["nbgrader"]
        return Submission(
            student=about["student"],
            assignment=about["assignment"],
            notebook=about["notebook"],
            db_url=about["db_url"],
            # A preprocessor belongs to an exporter, and that to a converter.
            folders=CourseFolders(preprocessor.parent.parent.coursedir),
        )

    @property
    def folder(self) -> Path:
        """What was collected."""
        return self.folders.submitted(self.assignment, self.student)

    def released_notebook(self) -> nbformat.NotebookNode:
        """The notebook as students got it.

        Raises:
            NotJudgedError: The release version is gone.
        """
        path = self.folders.released(self.assignment) / f"{self.notebook}.ipynb"
        if not path.is_file():
            raise NotJudgedError(
                f"{path} is missing; grading starts from the notebook as it was released. Run: "
                f"nbgrader generate_assignment {self.assignment}"
            )
        notebook: nbformat.NotebookNode = nbformat.read(path, as_version=4)
        return notebook
