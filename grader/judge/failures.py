"""What a failing worker means for the student: status, kind, line, and a sentence."""

from __future__ import annotations

import signal

from grader.judge import records
from grader.judge.process import MOST_OUTPUT_BYTES, WorkerDied, printable, traced_line
from grader.protocol.frames import Message, optional
from grader.results import Diagnosis, Status
from grader.testing import Judged

OUT_OF_MEMORY = "out-of-memory"
_KILLED = "killed"

_SIGNAL_KINDS: dict[int, tuple[str, str]] = {
    signal.SIGSEGV: ("segfault", "read or wrote memory that is not its own (SIGSEGV)"),
    signal.SIGBUS: ("segfault", "read or wrote memory that is not its own (SIGBUS)"),
    signal.SIGABRT: ("aborted", "aborted, most likely after its memory was corrupted (SIGABRT)"),
    signal.SIGFPE: ("arithmetic-fault", "divided an integer by zero (SIGFPE)"),
    signal.SIGKILL: (_KILLED, "was killed by the system, most likely for using too much memory"),
}

# What torch, CUDA, its libraries, Triton's launcher, numpy and the system say, each in its words.
_MEMORY_WORDS = (
    "out of memory",
    "can't allocate memory",
    "cannot allocate memory",
    "unable to allocate",
    "alloc_failed",
    "cublas_status_not_initialized",
)

# What a worker raises when it finds its own code changed, see grader.worker.hooks.
_CHANGED = "WorkerChanged"


def died(death: WorkerDied, function: str | None, name: str, limit_s: float) -> Judged:
    """The verdict when the worker process ended during a call or the import.

    Args:
        death: How it ended.
        function: The function being called, ``None`` during the import.
        name: Module name of the submission.
        limit_s: The deadline that held.
    """
    line = traced_line(death.trace, f"{name}.py")
    subject = f"{function}()" if function else "Importing the file"
    where = f" It was at line {line}." if line else ""
    if death.cause == "timeout":
        message = (
            f"{subject} did not end within {limit_s:g} s and was stopped.{where} "
            "Look for a loop whose condition never becomes false."
        )
        return _judged(Status.TIMED_OUT, "timeout", message, line)
    if death.cause == "output":
        message = (
            f"{subject} printed more than {MOST_OUTPUT_BYTES // 2**20} MiB and was stopped. "
            "Remove the print from the loop or kernel."
        )
        return _judged(Status.CRASHED, "too-much-output", message, line)
    if death.cause == "protocol":
        message = (
            f"{subject} wrote to the grader's own channel ({printable(death.detail)}). "
            "A submission returns tensors and touches no file descriptor it did not open."
        )
        return _judged(Status.REFUSED, "malformed-frame", message, line)
    return _crashed(death, subject, where, line)


def _crashed(death: WorkerDied, subject: str, where: str, line: int | None) -> Judged:
    if death.cause == "signal":
        kind, what = _SIGNAL_KINDS.get(death.code, ("signal", f"was ended by signal {death.code}"))
        message = f"{subject} {what}.{where}"
        return _judged(Status.CRASHED, kind, message, line)
    message = (
        f"{subject} ended its process with exit code {death.code}.{where} "
        "A submission returns its results and never exits."
    )
    return _judged(Status.CRASHED, "process-exited", message, line)


def import_raised(error: Message) -> Judged:
    """The verdict when importing the submission raised an exception.

    Raises:
        ProtocolViolation: No exception looks like that.
    """
    name, text, line = _parts(error)
    if name == _CHANGED:
        return _tampered("Importing the file", text)
    if _is_out_of_memory(name, text):
        where = f" at line {line}" if line else ""
        message = f"Importing the file ran out of memory{where}: {text}"
        return _judged(Status.FAILED, OUT_OF_MEMORY, message, line)
    kinds = {
        "SyntaxError": "syntax-error",
        "IndentationError": "syntax-error",
        "TabError": "syntax-error",
        "ModuleNotFoundError": "import-error",
        "ImportError": "import-error",
    }
    at = f" at line {line}" if line else ""
    message = f"The file cannot be imported: {name}{at}: {text}"
    return _judged(Status.FAILED, kinds.get(name, "import-failed"), message, line)


def raised(error: Message, function: str) -> Judged:
    """The verdict when a call raised an exception.

    Raises:
        ProtocolViolation: No exception looks like that.
    """
    name, text, line = _parts(error)
    at = f" at line {line}" if line else ""
    if name == _CHANGED:
        return _tampered(f"{function}()", text)
    if name == "NotImplementedError":
        message = f"{function}() still has a TODO to do{at}: {text}"
        return _judged(Status.FAILED, "todo-left", message, line)
    if _is_out_of_memory(name, text):
        message = f"{function}() ran out of memory{at}: {text}"
        return _judged(Status.FAILED, OUT_OF_MEMORY, message, line)
    if name == "AcceleratorError" or "CUDA error" in text:
        first = text.splitlines()[0] if text else name
        message = (
            f"A kernel of {function}() broke the GPU context: {first}. Most likely it read or "
            "wrote outside its tensors: check the offsets and the masks."
        )
        return _judged(Status.CRASHED, "illegal-memory-access", message, line)
    if optional(error, "compile", bool):
        message = f"A kernel of {function}() does not compile{at}: {_last_line(text)}"
        return _judged(Status.FAILED, "does-not-compile", message, line)
    message = f"{function}() raised {name}{at}: {text}"
    return _judged(Status.FAILED, "exception", message, line)


def _is_out_of_memory(name: str, text: str) -> bool:
    told = text.lower()
    return name.endswith("MemoryError") or any(words in told for words in _MEMORY_WORDS)


def is_shortage(failure: Judged) -> bool:
    """Whether memory that others hold could be to blame: it ran out, or the process was killed."""
    return failure.diagnosis.kind in (OUT_OF_MEMORY, _KILLED)


def hoarded(function: str) -> Judged:
    """The verdict when a function's inputs do not fit into memory that is there for them."""
    message = (
        f"{function}() leaves no memory for its own inputs, although this machine has enough for "
        "them: a process that has not loaded the file lays them out. What does the file keep?"
    )
    return _judged(Status.FAILED, OUT_OF_MEMORY, message, None)


def _tampered(subject: str, what: str) -> Judged:
    message = (
        f"{subject} changed how the grader works beside it: {what}. A submission computes its "
        "results and leaves everything else as it is."
    )
    return _judged(Status.REFUSED, "tampered", message, None)


def _parts(error: Message) -> tuple[str, str, int | None]:
    name = printable(optional(error, "type", str) or "an exception")[:80]
    text = printable(optional(error, "message", str) or "").strip()[:600]
    return name, text, records.line(error)


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else text


def _judged(status: Status, kind: str, message: str, line: int | None) -> Judged:
    return Judged(status, Diagnosis(kind, message.strip(), line))
