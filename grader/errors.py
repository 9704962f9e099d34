"""What can go wrong before or around a grading run, each cause with its exit code.

Owns the exceptions that end a command. A student's mistake is never one of these: it is a
result of a test (``grader.results``). Every message says what was wrong, where, what was
expected and what to do next; a command prints it and nothing else.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of ``grade`` and ``course``; scripts rely on them."""

    OK = 0
    POINTS_LOST = 1
    USAGE = 2
    NOT_JUDGED = 3


class GraderError(Exception):
    """Base of all errors that end a command; ``exit_code`` is what the command returns."""

    exit_code: ExitCode = ExitCode.NOT_JUDGED


class UsageError(GraderError):
    """The command line names something that does not exist or contradicts itself."""

    exit_code = ExitCode.USAGE


class UnknownLessonError(UsageError):
    """No folder ``course/lessonNN`` bears this name."""


class SubmissionNotFoundError(UsageError):
    """There is no file to grade where the command looked."""


class CourseNotFoundError(UsageError):
    """No course was found above the working folder, in ``$GRADER_COURSE`` or installed."""


class LessonDefinitionError(GraderError):
    """A file under ``course/lessonNN`` does not hold what a lesson needs."""


class WorkerStartError(GraderError):
    """The worker process could not be started: a fault of the machine, not of the student."""


class UnconfinedError(GraderError):
    """This machine cannot confine other people's code, and nobody asked to run it all the same."""


class SolutionMarkersError(LessonDefinitionError):
    """The marks of what students are to write are wrong in a solution file.

    Attributes:
        where: The file and line, as ``path:line``.
        what: What was found there, and what was expected.
        remedy: What to do.
    """

    def __init__(self, where: str, what: str, remedy: str) -> None:
        super().__init__(f"{where}: {what} {remedy}")
        self.where = where
        self.what = what
        self.remedy = remedy
