"""The submission as a lesson's tests see it: functions that look like ordinary ones.

``submission.softmax(x)`` sends ``x`` to the worker and returns a ``Call``. Before the first byte
is sent, the source is asked whether there is anything to run at all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from grader.judge.call import Call, name_inputs
from grader.judge.session import Session
from grader.judge.skeleton_state import FunctionState, Progress, function_state
from grader.judge.source import SubmissionSource
from grader.lesson import Function, Lesson
from grader.results import Diagnosis, Status
from grader.testing import Judged


class Submission:
    """All graded functions of one submission on one tier.

    Attributes:
        lesson: The lesson that it is graded for.
        source: Its text.
    """

    def __init__(self, lesson: Lesson, source: SubmissionSource, session: Session) -> None:
        self.lesson = lesson
        self.source = source
        self._session = session

    def __getattr__(self, name: str) -> Callable[..., Call]:
        """A graded function of the lesson.

        Raises:
            AttributeError: The lesson grades no function of that name.
        """
        functions = self.__dict__.get("lesson") and self.lesson.functions
        if not functions or name not in functions:
            raise AttributeError(f"lesson.toml lists no function {name!r}")

        def function(*args: Any, **kwargs: Any) -> Call:
            return self._call(functions[name], args, kwargs)

        function.__name__ = name
        return function

    def _call(self, function: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call:
        self._refuse_unready(function)
        named = dict(zip(self.source.parameters(function.name), args, strict=False)) | kwargs
        unnamed = args[len(named) - len(kwargs) :]
        labels = [key for key, value in named.items() if isinstance(value, torch.Tensor)]
        tensors = [named[key] for key in labels]
        tensors += [value for value in unnamed if isinstance(value, torch.Tensor)]
        return self._session.call(function.name, args, kwargs, name_inputs(labels, tensors))

    def _refuse_unready(self, function: Function) -> None:
        error = self.source.syntax_error
        if error is not None:
            raise _syntax_failure(error)
        skeleton = self.lesson.pristine_skeleton
        text = skeleton.read_text() if skeleton.is_file() else ""
        state = function_state(text, self.source.text, function)
        if state.progress is not Progress.STARTED:
            raise _unready_failure(state, function)


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
