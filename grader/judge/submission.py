"""The submission as a lesson's tests see it: functions that look like ordinary ones.

``submission.softmax(x)`` sends ``x`` to the worker and returns a ``Call``. Before the first byte
is sent, the source is asked whether there is anything to run at all, and the policy whether it
may be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from grader import policy
from grader.errors import LessonDefinitionError
from grader.judge.call import Call
from grader.judge.invocation import RUNS, Invocation, Scenario, named_inputs
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

    def __init__(
        self, lesson: Lesson, source: SubmissionSource, session: Session, policed: bool = True
    ) -> None:
        self._lesson = lesson
        self._policed = policed
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
        lesson = self._lesson
        return GradedFunction(
            lesson.functions[name],
            self._source,
            self._skeleton,
            self._session,
            lesson.scenarios,
            lesson.imports if self._policed else None,
        )


class GradedFunction:
    """One function of the submission, as a lesson's test calls it.

    Attributes:
        name: Its name.
        session: Where it runs.
        function: What ``lesson.toml`` says of it.
    """

    def __init__(
        self,
        function: Function,
        source: SubmissionSource,
        skeleton: str,
        session: Session,
        scenarios: Path | None = None,
        imports: tuple[str, ...] | None = None,
    ) -> None:
        """Bind a function to where it runs.

        Args:
            function: What ``lesson.toml`` says of it.
            source: The file that defines it.
            skeleton: The lesson's skeleton, empty if there is none.
            session: Where it runs.
            scenarios: The lesson's ``scenarios.py``.
            imports: Modules that the lesson allows beyond the usual ones; None where the policy
                has no say: for files of the course, and to see what a cheat gains without it.
        """
        self.name = function.name
        self.session = session
        self.function = function
        self._source = source
        self._skeleton = skeleton
        self._scenarios = scenarios
        self._imports = imports

    def __call__(self, *args: Any, **kwargs: Any) -> Call:
        """Run it on these arguments: tensors, numbers, dtypes, tuples of these.

        Raises:
            Judged: There is nothing to run yet, or it raised, hung or crashed.
        """
        self.require_started()
        return self.session.call(self.invocation(args, kwargs))

    def grad(self, *args: Any, wrt: Sequence[int], **kwargs: Any) -> Call:
        """Run it and its backward pass.

        Args:
            *args: Its arguments.
            wrt: Positions of the tensors to differentiate with respect to.
            **kwargs: ``upstream``, ``passes`` as ``grader.scenarios.gradients`` has them;
                the others are the function's.

        Returns:
            A call whose result is a tuple: all outputs, then a gradient for each of ``wrt``.

        Raises:
            Judged: As for a plain call.
        """
        whole = self.differentiated()
        whole.require_started()
        kwargs["wrt"] = tuple(wrt)
        return self.session.call(whole.invocation(args, kwargs, Scenario("gradients")))

    def run(
        self, scenario: str, *args: Any, runs: int = RUNS, guarded: bool = True, **kwargs: Any
    ) -> Call:
        """Run a scenario of the lesson around it.

        Args:
            scenario: Name of a function of the lesson's ``scenarios.py``, which takes the
                submission's function first.
            *args: Its other arguments.
            runs: How often, each time in differently poisoned memory.
            guarded: Whether allocations get red zones; a loop of many steps does without.
            **kwargs: Its keyword arguments.

        Raises:
            Judged: As for a plain call.
        """
        whole = self.differentiated()
        whole.require_started()
        asked = whole.scenario(scenario)
        return self.session.call(whole.invocation(args, kwargs, asked, runs, guarded))

    def differentiated(self) -> GradedFunction:
        """The same function where its gradients are needed too."""
        function = replace(self.function, differentiated=True)
        return GradedFunction(
            function,
            self._source,
            self._skeleton,
            self.session,
            self._scenarios,
            self._imports,
        )

    def scenario(self, name: str) -> Scenario:
        """A scenario of the lesson, to be sent to a worker.

        Raises:
            LessonDefinitionError: The lesson has no ``scenarios.py``.
        """
        if self._scenarios is None or not self._scenarios.is_file():
            raise LessonDefinitionError(f"There is no {self._scenarios} to take {name} from.")
        return Scenario(name, self._scenarios.read_text())

    def invocation(
        self,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        scenario: Scenario | None = None,
        runs: int = RUNS,
        guarded: bool = True,
    ) -> Invocation:
        """What is asked of the worker, with the inputs named as the function names them."""
        inputs = named_inputs(self._parameters(scenario), args, kwargs)
        return Invocation(self.function, args, kwargs, inputs, scenario, runs, guarded)

    def _parameters(self, scenario: Scenario | None) -> Sequence[str]:
        if scenario is None or not scenario.text:
            return self._source.parameters(self.name)
        assert self._scenarios is not None
        course = SubmissionSource(self._scenarios, scenario.text.encode())
        return course.parameters(scenario.name)[1:]

    def require_started(self) -> None:
        """See from the source alone that there is something to run, and that it may be.

        Raises:
            Judged: Not started, partly done, not defined, not Python, or against the policy.
        """
        length = len(self._source.text)
        if self._imports is not None and length > policy.LONGEST_TEXT:
            raise _refusal(policy.too_long(length))  # parsing it would take minutes
        if self._source.syntax_error is not None:
            raise _syntax_failure(self._source.syntax_error)
        state = function_state(self._skeleton, self._source.text, self.function)
        if state.progress is not Progress.STARTED:
            raise _unready_failure(state, self.function)
        if self._imports is not None:
            found = policy.violation(self._source.text, self.function, self._imports)
            if found is not None:
                raise _refusal(found)


def _refusal(violation: policy.Violation) -> Judged:
    diagnosis = Diagnosis(violation.kind, violation.message, violation.line)
    return Judged(Status.REFUSED, diagnosis)


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
