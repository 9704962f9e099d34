"""The edge between a command and the shell: exit codes, error messages, interruption.

Every way in which a command can end passes through ``guarded``; nothing else prints an error
or chooses an exit code for one. Nobody sees a traceback unless they ask for it. Rich is imported
only where it prints, since this module is on the way to ``--help``.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

import typer

from grader.errors import ExitCode, GraderError

DEBUG_VARIABLE = "GRADER_DEBUG"
INTERRUPTED = 130  # what a shell reports for a command that Ctrl-C ended
TERMINATED = 143
PIPE_CLOSED = 141


def run(app: typer.Typer, program: str, arguments: Sequence[str]) -> int:
    """Run a Typer application and return its exit code instead of leaving Python."""
    try:
        app(args=list(arguments), prog_name=program)
    except SystemExit as ending:
        return ending.code if isinstance(ending.code, int) else ExitCode.USAGE
    return ExitCode.OK


def guarded(command: Callable[[], int]) -> int:
    """Run the body of a command; whatever happens, the result is an exit code."""
    interruption = _Interruption()
    try:
        with interruption.terminable():
            code = command()
            sys.stdout.flush()
            return code
    except GraderError as error:
        show_error(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        print("Stopped. Nothing was recorded.", file=sys.stderr)
        return interruption.exit_code
    except BrokenPipeError:
        # The reader of our output has gone (``grade | head``): nothing is left to say, and
        # the interpreter must not try to flush once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except Exception as error:
        show_fault(error)
        return ExitCode.NOT_JUDGED


def show_error(message: str) -> None:
    """One block on standard error: what was wrong, where, what to do."""
    from rich.console import Console
    from rich.text import Text

    from grader.report.ink import Ink

    console = Console(stderr=True, highlight=False)
    block = Text.assemble(("error: ", "bold red"), Ink.of(console).text(message))
    console.print(block, soft_wrap=True)


def show_fault(error: Exception) -> None:
    """Say that the program itself failed, and where its traceback is."""
    if os.environ.get(DEBUG_VARIABLE):
        traceback.print_exception(error)
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    summary = f"{type(error).__name__}: {error}".strip().rstrip(":")
    show_error(
        f"the grader itself failed{where}, no points are lost.\n  {summary}\n"
        f"Run again with {DEBUG_VARIABLE}=1 to see the traceback, and report it with that."
    )


class _Interruption:
    """Makes SIGTERM end a run as Ctrl-C does, with its own exit code.

    Both arrive as ``KeyboardInterrupt``, the one exception that everything on the way, pytest
    included, lets through and cleans up for: no worker outlives the command.
    """

    def __init__(self) -> None:
        self.exit_code = INTERRUPTED

    @contextmanager
    def terminable(self) -> Iterator[None]:
        """Handle SIGTERM inside the block, where signals are ours to handle."""
        try:
            before = signal.signal(signal.SIGTERM, self._terminate)
        except ValueError:  # not the main thread
            yield
            return
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, before)

    def _terminate(self, number: int, frame: FrameType | None) -> NoReturn:
        self.exit_code = TERMINATED
        raise KeyboardInterrupt
