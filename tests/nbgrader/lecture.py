"""A course of nbgrader's on disk, with the tiny lesson released, for tests in this process."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbgrader.api import Grade, Gradebook
from nbgrader.apps.api import NbGraderAPI
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from grader.authoring.build import build
from grader.lesson import Course
from grader.lms import configure

TINY = Path(__file__).parents[1] / "courses" / "tiny"
NOTEBOOK = "01_Tiny.ipynb"
QUESTION = "Why does the last block need a mask?\n"

# What the tiny lesson's tests are worth.
POINTS = {"test_double": 2.0, "test_double_matrix": 1.0, "test_negate": 1.0, "test_double_large": 3}


def tiny_course(folder: Path) -> Course:
    """A built copy of the tiny course, with a question to answer in words."""
    shutil.copytree(TINY, folder)
    (folder / "course/lesson01/question.md").write_text(QUESTION)
    course = Course(folder)
    build(course, course.lessons())
    return course


def solution() -> str:
    return (TINY / "solutions/lesson01.py").read_text()


@dataclass(frozen=True)
class Lecture:
    """A course folder of nbgrader's, with ways to hand in and to look up what came of it."""

    root: Path
    course: Course

    def config(self, **options: Any) -> Config:
        config = Config()
        config.CourseDirectory.root = str(self.root)
        config.CourseDirectory.course_id = "demo"
        config.Exchange.root = str(self.root / "exchange")
        configure(config, course=self.course.root, **options)
        return config

    def api(self, config: Config | None = None) -> NbGraderAPI:
        config = config or self.config()
        return NbGraderAPI(CourseDirectory(config=config), config=config)

    def release(self) -> None:
        """Make the release version of the lesson, as ``nbgrader generate_assignment`` does."""
        source = self.root / "source"
        shutil.copytree(self.course.root / "course/source", source, dirs_exist_ok=True)
        result = self.api().generate_assignment("lesson01", force=True)
        assert result["success"], result["log"]

    def hand_in(
        self, student: str, file: str | bytes | None = None, answer: str | None = None
    ) -> Path:
        """Put a submission where ``nbgrader collect`` would."""
        folder = self.root / "submitted" / student / "lesson01"
        folder.mkdir(parents=True)
        notebook = json.loads((self.root / "release/lesson01" / NOTEBOOK).read_text())
        if answer is not None:
            notebook["cells"][-1]["source"] = answer
        (folder / NOTEBOOK).write_text(json.dumps(notebook))
        if file is not None:
            text = file if isinstance(file, bytes) else file.encode()
            (folder / "lesson01.py").write_bytes(text)
        return folder

    def autograde(self, student: str = "*", config: Config | None = None) -> dict[str, Any]:
        """Autograde, by force; nbgrader's word on how it went."""
        here = Path.cwd()
        api = self.api(config)
        with api.gradebook:
            pass
        api.coursedir.student_id = student
        result: dict[str, Any] = api.autograde("lesson01", student, force=True)
        os.chdir(here)
        return result

    def grades(self, student: str) -> dict[str, tuple[float | None, bool]]:
        """Score and whether a person must look, by cell."""
        with Gradebook(f"sqlite:///{self.root / 'gradebook.db'}") as gradebook:
            submission = gradebook.find_submission("lesson01", student)
            return {
                grade.name: (grade.auto_score, grade.needs_manual_grade)
                for notebook in submission.notebooks
                for grade in notebook.grades
            }

    def scores(self, student: str) -> dict[str, float | None]:
        """What the grader gave, by cell."""
        return {name: score for name, (score, _) in self.grades(student).items()}

    def set_grade(self, student: str, cell: str, **values: Any) -> None:
        """What an instructor does in formgrader."""
        with Gradebook(f"sqlite:///{self.root / 'gradebook.db'}") as gradebook:
            grade: Grade = gradebook.find_grade(cell, "01_Tiny", "lesson01", student)
            for name, value in values.items():
                setattr(grade, name, value)
            gradebook.db.commit()

    def autograded(self, student: str) -> nbformat.NotebookNode:
        return nbformat.read(self.root / "autograded" / student / "lesson01" / NOTEBOOK, 4)

    def shown(self, student: str) -> str:
        """All that the autograded notebook shows, as HTML."""
        outputs = [
            output["data"].get("text/html", "")
            for cell in self.autograded(student).cells
            for output in cell.get("outputs", [])
        ]
        return "\n".join(outputs)
