"""The autograder of the course: a judge that students' code never runs inside."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__version__ = "0.1.0"


def load_ipython_extension(shell: InteractiveShell) -> None:
    """``%load_ext grader`` in a notebook defines ``%grade``."""
    # Imported here: every command imports this package, and only notebooks need the magic.
    from grader.lms.magic import load

    load(shell)
