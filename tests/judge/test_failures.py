from __future__ import annotations

import signal
from typing import Any

import pytest

from grader.judge import failures
from grader.judge.process import WorkerDied, printable, traced_line
from grader.protocol.frames import ProtocolViolation
from grader.results import Status
from grader.testing import Judged

TRACE = """Timeout (0:00:01.800000)!
Thread 0x00007f (most recent call first):
  File "/venv/torch/functional.py", line 99 in sum
  File "/tmp/grade-x/lesson01.py", line 7 in inner
  File "/tmp/grade-x/lesson01.py", line 12 in add
  File "/grader/worker/calls.py", line 80 in _run
"""


def verdict(judged: Judged) -> tuple[Status, str, int | None]:
    return judged.status, judged.diagnosis.kind, judged.diagnosis.line


# ------------------------------------------------------------ how a worker ends


@pytest.mark.parametrize(
    ("death", "status", "kind"),
    [
        (WorkerDied("timeout"), Status.TIMED_OUT, "timeout"),
        (WorkerDied("output"), Status.CRASHED, "too-much-output"),
        (WorkerDied("protocol", detail="no JSON"), Status.REFUSED, "malformed-frame"),
        (WorkerDied("signal", signal.SIGSEGV), Status.CRASHED, "segfault"),
        (WorkerDied("signal", signal.SIGBUS), Status.CRASHED, "segfault"),
        (WorkerDied("signal", signal.SIGABRT), Status.CRASHED, "aborted"),
        (WorkerDied("signal", signal.SIGFPE), Status.CRASHED, "arithmetic-fault"),
        (WorkerDied("signal", signal.SIGKILL), Status.CRASHED, "killed"),
        (WorkerDied("signal", signal.SIGUSR1), Status.CRASHED, "signal"),
        (WorkerDied("exit", 0), Status.CRASHED, "process-exited"),
        (WorkerDied("exit", 3), Status.CRASHED, "process-exited"),
    ],
    ids=str,
)
@pytest.mark.parametrize("function", ["add", None])
def test_each_end_of_a_worker_has_its_verdict(
    death: WorkerDied, status: Status, kind: str, function: str | None
) -> None:
    judged = failures.died(death, function, "lesson01", 2.0)
    assert verdict(judged) == (status, kind, None)
    subject = "add()" if function else "Importing the file"
    assert judged.diagnosis.message.startswith(subject)


@pytest.mark.parametrize("cause", ["timeout", "signal", "exit"])
def test_the_line_where_a_worker_ended_comes_from_its_traceback(cause: str) -> None:
    judged = failures.died(WorkerDied(cause, 9, TRACE), "add", "lesson01", 2.0)
    assert judged.diagnosis.line == 7
    assert "line 7" in judged.diagnosis.message


def test_a_timeout_names_the_limit() -> None:
    message = failures.died(WorkerDied("timeout"), "add", "lesson01", 0.25).diagnosis.message
    assert "within 0.25 s" in message


def test_what_was_wrong_with_a_frame_is_told_without_control_characters() -> None:
    death = WorkerDied("protocol", detail="field '\x1b[31m\x07' is bad")
    assert "field '' is bad" in failures.died(death, "add", "lesson01", 1).diagnosis.message


# --------------------------------------------------------------- tracebacks


@pytest.mark.parametrize(
    ("trace", "line"),
    [
        (TRACE, 7),
        ("", None),
        (TRACE.replace("lesson01", "lesson02"), None),
        ("Fatal Python error: Segmentation fault\n\n" + TRACE.partition("\n")[2], 7),
        (TRACE + TRACE.replace("line 7", "line 5"), 5),
        (TRACE + "Fatal Python error: Aborted\n\n" + '  File "lesson01.py", line 3 in f\n', 3),
        ('File "lesson01.py", line ' + "9" * 5000, None),
        ('File "lesson01.py", line ', None),
    ],
    ids=["hanging", "none", "another file", "crashed", "hung before", "hung and crashed",
         "forged number", "cut off"],
)  # fmt: skip
def test_the_innermost_line_of_the_last_traceback_counts(trace: str, line: int | None) -> None:
    assert traced_line(trace, "lesson01.py") == line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\n\ttext ä \U0001f600", "plain\n\ttext ä \U0001f600"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;http://x\x1b\\link", "link"),
        ("back\x08\x7f\x9b[2J\r", "back[2J"),
        ("\ud800\u202e", ""),
    ],
)
def test_nothing_that_steers_a_terminal_is_printed(text: str, shown: str) -> None:
    assert printable(text) == shown


# ------------------------------------------------------------------- errors


def error(**changes: Any) -> dict[str, Any]:
    return {"type": "ValueError", "message": "no", "line": 3, "compile": False} | changes


@pytest.mark.parametrize(
    ("message", "status", "kind"),
    [
        (error(), Status.FAILED, "exception"),
        (error(type="SystemExit"), Status.FAILED, "exception"),
        (error(type="NotImplementedError"), Status.FAILED, "todo-left"),
        (error(compile=True), Status.FAILED, "does-not-compile"),
        (error(type="AcceleratorError"), Status.CRASHED, "illegal-memory-access"),
        (error(type="OutOfMemoryError"), Status.FAILED, "out-of-memory"),
        (error(type="MemoryError"), Status.FAILED, "out-of-memory"),
        (error(type="AcceleratorError", message="CUDA error: out of memory"), Status.FAILED,
         "out-of-memory"),
        (error(message="Triton Error [CUDA]: out of memory"), Status.FAILED, "out-of-memory"),
        (error(message="DefaultCPUAllocator: can't allocate memory"), Status.FAILED,
         "out-of-memory"),
        (error(message="CUBLAS_STATUS_ALLOC_FAILED"), Status.FAILED, "out-of-memory"),
        (error(message="CUDA error: CUBLAS_STATUS_NOT_INITIALIZED"), Status.FAILED,
         "out-of-memory"),
        (error(type="_ArrayMemoryError", message="Unable to allocate 8 GiB"), Status.FAILED,
         "out-of-memory"),
        (error(type="OSError", message="[Errno 12] Cannot allocate memory"), Status.FAILED,
         "out-of-memory"),
        (error(message="out of resource: shared memory, Required: 300000"), Status.FAILED,
         "exception"),
        (error(message="CUDA error: an illegal memory access"), Status.CRASHED,
         "illegal-memory-access"),
    ],
    ids=str,
)  # fmt: skip
def test_each_exception_of_a_call_has_its_verdict(
    message: dict[str, Any], status: Status, kind: str
) -> None:
    judged = failures.raised(message, "add")
    assert verdict(judged) == (status, kind, 3)
    assert "add()" in judged.diagnosis.message


@pytest.mark.parametrize(
    ("kind_of_error", "kind"),
    [
        ("SyntaxError", "syntax-error"),
        ("IndentationError", "syntax-error"),
        ("TabError", "syntax-error"),
        ("ModuleNotFoundError", "import-error"),
        ("ImportError", "import-error"),
        ("ZeroDivisionError", "import-failed"),
        ("SystemExit", "import-failed"),
    ],
)
def test_each_exception_of_an_import_has_its_verdict(kind_of_error: str, kind: str) -> None:
    judged = failures.import_raised(error(type=kind_of_error))
    assert verdict(judged) == (Status.FAILED, kind, 3)
    assert f"{kind_of_error} at line 3: no" in judged.diagnosis.message


def test_a_compilation_error_is_told_by_its_last_line() -> None:
    text = "at 7:4:\n    x = foo\n        ^\n\nNameError: foo is not defined\n\n"
    message = failures.raised(error(compile=True, message=text), "add").diagnosis.message
    assert message == "A kernel of add() does not compile at line 3: NameError: foo is not defined"


def test_messages_are_short_and_without_control_characters() -> None:
    judged = failures.raised(error(message="\x1b[31m" + "x" * 4000), "add")
    assert len(judged.diagnosis.message) < 700
    assert "\x1b" not in judged.diagnosis.message


def test_an_error_without_any_detail_is_still_an_exception() -> None:
    assert verdict(failures.raised({}, "add")) == (Status.FAILED, "exception", None)


@pytest.mark.parametrize("change", [{"type": 5}, {"message": []}, {"line": "3"}, {"line": True}])
def test_an_error_with_fields_of_other_types_is_no_frame_of_the_worker(
    change: dict[str, Any],
) -> None:
    with pytest.raises(ProtocolViolation):
        failures.raised(error(**change), "add")
    with pytest.raises(ProtocolViolation):
        failures.import_raised(error(**change))
