"""Where the reports of a run go: the terminal, and files that the command line names."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from grader.errors import UsageError

if TYPE_CHECKING:
    from grader.results import Report


@dataclass(frozen=True)
class Outputs:
    """What the command line asks to be written besides the page in the terminal.

    Attributes:
        json: A file, or ``-`` for standard output, which then holds nothing else.
        html: A file.
        junit: A file.
        receipt: A file; one run only.
        benchmark: A file in pytest-benchmark's form, for the speed samples.
    """

    json: str | None = None
    html: Path | None = None
    junit: Path | None = None
    receipt: Path | None = None
    benchmark: Path | None = None

    @property
    def owns_stdout(self) -> bool:
        """Whether standard output belongs to JSON."""
        return self.json == "-"

    def check(self) -> None:
        """Refuse what could not be written, before minutes of grading are spent.

        Raises:
            UsageError: A folder is missing, or a path is a folder.
        """
        named = {
            "--html": self.html,
            "--junit": self.junit,
            "--receipt": self.receipt,
            "--benchmark-json": self.benchmark,
        }
        if self.json is not None and not self.owns_stdout:
            named["--json"] = Path(self.json)
        for option, path in named.items():
            if path is None:
                continue
            if path.is_dir():
                raise UsageError(f"{option} {path} is a folder. Name a file in it.")
            if not path.absolute().parent.is_dir():
                raise UsageError(
                    f"{option} {path}: there is no folder {path.absolute().parent}. Make it first."
                )

    def write(self, reports: Sequence[Report], *, as_list: bool) -> None:
        """Write every form that was asked for.

        Raises:
            UsageError: A file cannot be written.
        """
        if self.json is not None:
            from grader.report import json_report

            text = json_report.dump(reports, as_list=as_list)
            if self.owns_stdout:
                sys.stdout.write(text)
            else:
                write_text(Path(self.json), text)
        if self.html is not None:
            from grader.report import html

            write_text(self.html, html.document(reports))
        if self.junit is not None:
            from grader.report import junit

            write_text(self.junit, junit.dump(reports))
        if self.benchmark is not None:
            from grader.report import benchmark_storage

            benchmark_storage.write(self.benchmark, reports)


def write_text(path: Path, text: str) -> None:
    """Write a file that the command line names.

    Raises:
        UsageError: It cannot be written.
    """
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}.") from error
