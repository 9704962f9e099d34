"""The submission as a lesson's tests see it: functions that look like ordinary ones.

``submission.softmax(x)`` sends ``x`` to the worker and returns a ``Call``. Before the first byte
is sent, the source is asked whether there is anything to run at all.
"""

from __future__ import annotations

from typing import Any

import torch

from grader.judge.call import Call, Input
from grader.judge.session import Session
from grader.judge.skeleton_state import FunctionState, Progress, function_state
from grader.judge.source import SubmissionSource
from grader.lesson import Function, Lesson
from grader.results import Diagnosis, Status
from grader.testing import Judged


class Submission:
    """All graded functions of one submission on one tier.

    ``submission.softmax`` is the ``GradedFunction`` of that name.
    """

    def __init__(self, lesson: Lesson, source: SubmissionSource, session: Session) -> None:
        self._lesson = lesson
        self._source = source
        self._session = session
        skeleton = lesson.pristine_skeleton
        self._skeleton = skeleton.read_text() if skeleton.is_file() else ""

    def __getattr__(self, name: str) -> GradedFunction:
        """A graded function of the lesson.

        Raises:
            AttributeError: The lesson grades no function of that name.
        """
        if name.startswith("_") or name not in self._lesson.functions:
            raise AttributeError(f"lesson.toml lists no function {name!r}")
        function = self._lesson.functions[name]
        return GradedFunction(function, self._source, self._skeleton, self._session)


class GradedFunction:
    """One function of the submission, as a lesson's test calls it.

    Attributes:
        name: Its name.
        session: Where it runs.
    """

    def __init__(
        self, function: Function, source: SubmissionSource, skeleton: str, session: Session
    ) -> None:
        self.name = function.name
        self.session = session
        self._function = function
        self._source = source
        self._skeleton = skeleton

    def __call__(self, *args: Any, **kwargs: Any) -> Call:
        """Run it on these arguments: tensors, numbers, dtypes.

        Raises:
            Judged: There is nothing to run yet, or it raised, hung or crashed.
        """
        self.require_started()
        return self.session.call(self.name, args, kwargs, self._name_inputs(args, kwargs))

    def require_started(self) -> None:
        """See from the source alone that there is something to run.

        Raises:
            Judged: Not started, partly done, not defined, or not Python.
        """
        if self._source.syntax_error is not None:
            raise _syntax_failure(self._source.syntax_error)
        state = function_state(self._skeleton, self._source.text, self._function)
        if state.progress is not Progress.STARTED:
            raise _unready_failure(state, self._function)

    def _name_inputs(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Input, ...]:
        names = self._source.parameters(self.name)
        labels = [*names[: len(args)], *([""] * (len(args) - len(names))), *kwargs]
        values = [*args, *kwargs.values()]
        tensors = [
            (label, value)
            for label, value in zip(labels, values, strict=True)
            if isinstance(value, torch.Tensor)
        ]
        return tuple(
            Input(label or f"argument {position}", tensor)
            for position, (label, tensor) in enumerate(tensors, start=1)
        )


def _syntax_failure(error: SyntaxError) -> Judged:
    at = f" at line {error.lineno}" if error.lineno else ""
    code = f": {error.text.strip()}" if error.text else ""
    message = f"The file is not valid Python{at}: {error.msg}{code}"
    return Judged(Status.FAILED, Diagnosis("syntax-error", message, error.lineno))


def _unready_failure(state: FunctionState, function: Function) -> Judged:
    name = function.name
    if state.progress is Progress.ABSENT:
        message = f"The file defines no function {name}(). Keep the skeleton's names."
        return Judged(Status.FAILED, Diagnosis("missing-function", message))
    line = state.todo[0].line if state.todo else None
    left = ", ".join(f"{todo.name} (line {todo.line})" for todo in state.todo)
    if state.progress is Progress.NOT_STARTED:
        message = f"Not started yet. To do: {left}."
        return Judged(Status.NOT_STARTED, Diagnosis("not-started", message, line))
    message = f"{name}() still has something to do: {left}."
    return Judged(Status.FAILED, Diagnosis("todo-left", message, line))
