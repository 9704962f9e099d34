"""The steps of ``nbgrader autograde`` that are ours: restore, judge; ``scores`` stores.

For an assignment that is no lesson of the course they step aside, and nbgrader does what it
always does. A lesson's notebook is never executed.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from nbgrader.preprocessors import Execute, NbGraderPreprocessor
from traitlets import Bool, CaselessStrEnum, Float, Unicode

from grader.judge.source import SubmissionSource
from grader.lesson import Course, Lesson
from grader.lesson_tests import LessonTest, graded_tests
from grader.lms import pages, scores
from grader.lms.assignment import judged_cells, lesson_of, require_cells_of
from grader.lms.course_folders import Submission
from grader.lms.intake import RefusedFileError, read_plain_file, remarks
from grader.lms.judging import LONGEST_RUN_S, JudgingOptions, judge
from grader.lms.restoring import restored
from grader.lms.verdicts import Judgement


class RestoreReleased(NbGraderPreprocessor):  # type: ignore[misc]
    """Replaces a submitted notebook by the released one with the student's written answers.

    The first step of autograding, so it also takes back the scores of an earlier run: whatever
    fails from here on leaves none.
    """

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Restore one notebook."""
        submission = Submission.of(self, resources)
        released = submission.released_notebook()
        if lesson_of(released) is None:
            return nb, resources
        scores.take_back(submission)
        return restored(released, nb), resources


class GradeOutOfProcess(NbGraderPreprocessor):  # type: ignore[misc]
    """Judges a lesson's ``.py`` in a process of its own, in place of executing the notebook."""

    course = Unicode(
        help="Folder that holds course/ with the lessons; if empty, the course above the folder "
        "of nbgrader's course, in $GRADER_COURSE, or installed."
    ).tag(config=True)
    device = CaselessStrEnum(
        ["auto", "cpu", "gpu"], "auto", help="Where kernels run; auto: on a GPU if there is one."
    ).tag(config=True)
    timeout_s = Float(LONGEST_RUN_S, help="Longest time in seconds for one submission.").tag(
        config=True
    )
    allow_unconfined = Bool(
        False,
        help="Grade other people's files although this machine cannot confine them: they can then "
        "read what this account can read, other submissions and the gradebook among it.",
    ).tag(config=True)

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Judge one submission and show the verdicts in its notebook."""
        submission = Submission.of(self, resources)
        name = lesson_of(submission.released_notebook())
        if name is None:
            executed: tuple[Any, Any] = Execute(parent=self.parent).preprocess(nb, resources)
            return executed
        lesson = self._course(submission).lesson(name)
        tests = graded_tests(lesson)
        where = f"{submission.assignment}/{submission.notebook}"
        remedy = f"Run: course build {name}, then nbgrader generate_assignment, and release again."
        require_cells_of(tests, nb, where, remedy)
        content, judgement = self._judge(lesson, tests, submission)
        _show(nb, judgement, lesson, content, remarks(submission.folder))
        resources[scores.VERDICTS] = judgement.verdicts
        self.log.info(
            "%s of %s: %g points, %g pending",
            submission.assignment, submission.student, judgement.points, judgement.pending,
        )  # fmt: skip
        return nb, resources

    def _course(self, submission: Submission) -> Course:
        if self.course:
            return Course(Path(self.course).resolve())
        return Course.find(Path(submission.folders.coursedir.root))

    def _judge(
        self, lesson: Lesson, tests: tuple[LessonTest, ...], submission: Submission
    ) -> tuple[bytes, Judgement]:
        """The submitted file, and the verdicts on it."""
        file = f"{lesson.name}.py"
        try:
            content = read_plain_file(file, submission.folder)
        except FileNotFoundError:
            there = sorted(path.name for path in submission.folder.glob("*.py"))
            besides = f" It holds {', '.join(there)}." if there else ""
            reason = f"There is no {file} in this submission, so nothing could be graded.{besides}"
            return b"", pages.refusal(tests, reason)
        except RefusedFileError as error:
            return b"", pages.refusal(tests, f"Nothing could be graded: {error}")
        options = JudgingOptions(self.device, self.timeout_s, self.allow_unconfined)
        # A copy that nobody else can change, under the name that reports show.
        with tempfile.TemporaryDirectory(prefix="submission-") as folder:
            copy = Path(folder, file)
            copy.write_bytes(content)
            return content, judge(lesson, copy, options)


def _show(
    nb: Any, judgement: Judgement, lesson: Lesson, content: bytes, left_out: list[str]
) -> None:
    """Write verdicts and reports into the notebook; no other output stays."""
    for cell in nb.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    for name, cell in judged_cells(nb):
        cell.outputs, cell.execution_count = [pages.verdict_output(judgement.verdicts[name])], 1
    nb.cells.insert(0, pages.report_cell(judgement, left_out))
    if content:
        text = SubmissionSource(Path(f"{lesson.name}.py"), content).text
        nb.cells.append(pages.file_cell(f"{lesson.name}.py", text))
